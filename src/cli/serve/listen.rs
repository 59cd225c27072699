//! From a loaded state to sockets that answer, until the process is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::{Failure, output};
use super::stop::Stop;
use crate::api::{self, AppState};
use crate::node::{Facts, Point};

pub(super) async fn listen(
    address: SocketAddr,
    admin: Option<SocketAddr>,
    state: Arc<AppState>,
) -> Result<(), Failure> {
    let stop = Stop::new().map_err(|error| cannot_listen(address, &error))?;
    let (listener, address) = bind(address).await?;
    let (stopped, _) = watch::channel(false);
    let admin = match admin {
        Some(admin) => Some(bind(admin).await?),
        None => None,
    };
    let point = Arc::clone(&state.point().current());
    output::error(&format!("{}\n", banner(address, &point)));
    let mut serving = JoinSet::new();
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Some((listener, admin)) = admin {
        output::error(&format!("administered on http://{admin}\n"));
        let router = api::admin_router(Arc::clone(&state));
        serving.spawn(api::serve(listener, router, until(stopped.subscribe())));
    }
    let router = api::router(Arc::clone(&state));
    serving.spawn(api::serve(listener, router, until(stopped.subscribe())));
    tokio::spawn(async move {
        stop.asked().await;
        tracing::info!("stopping: requests under way are finished first");
        state.drain();
        stopped.send_replace(true);
    });
    while let Some(served) = serving.join_next().await {
        let served = served.map_err(io::Error::other).flatten();
        served.map_err(|error| {
            Failure::new(
                format!("listening on `{address}` ended: {error}"),
                "start the server again",
            )
        })?;
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let refused = |error: io::Error| cannot_listen(address, &error);
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            format!("something else listens on `{address}`"),
            "stop it, or choose another address with --listen or --admin-listen",
        ),
        _ => Failure::new(
            format!("cannot listen on `{address}`: {error}"),
            "choose another address with --listen",
        ),
    }
}

/// What is served, in one line.
fn banner(address: SocketAddr, point: &Point) -> String {
    let snapshot = point.snapshot();
    let facts = match point.facts() {
        Facts::Directory(world) => format!("{} facts", world.facts().count()),
        Facts::Generic => format!("{} entities", snapshot.facts().entity_count()),
    };
    let (revision, bundle) = (snapshot.revision(), snapshot.bundle().hash());
    format!("listening on http://{address}: revision {revision}, bundle {bundle}, {facts}")
}
