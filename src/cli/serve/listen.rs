//! From a loaded state to sockets that answer, until the process is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::reload::Following;
use super::super::{Failure, output};
use super::stop::Stop;
use super::tls::TlsPair;
use crate::api::{self, AppState, Limits, PublicUrl, Server};
use crate::node::{Facts, Point, Reload};

/// Where and how to listen.
pub(super) struct Listening {
    pub(super) decisions: SocketAddr,
    /// None where there is nothing to administer.
    pub(super) admin: Option<SocketAddr>,
    pub(super) tls: TlsPair,
    /// What the policies follow.
    pub(super) reload: Reload,
    /// How long requests are still taken after the server said that it is not ready.
    pub(super) drain_delay: Duration,
}

/// Answers on both addresses until a signal says otherwise.
pub(super) async fn listen(how: Listening, state: Arc<AppState>) -> Result<(), Failure> {
    let Listening { tls, reload, .. } = how;
    let refused = |error: io::Error| cannot_listen(how.decisions, &error);
    let stop = Stop::new().map_err(refused)?;
    let following = Following::start(reload).map_err(refused)?;
    let (listener, address) = bind(how.decisions).await?;
    let (stopped, _) = watch::channel(false);
    let admin = match how.admin {
        Some(admin) => Some(bind(admin).await?),
        None => None,
    };
    let point = Arc::clone(&state.point().current());
    output::error(&format!(
        "{}\n",
        banner(address, tls.decisions.is_some(), &point)
    ));
    let mut serving = JoinSet::new();
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let limits = Limits::default();
    if let Some((listener, admin)) = admin {
        let scheme = scheme(tls.admin.is_some());
        output::error(&format!("administered on {scheme}://{admin}\n"));
        let front = api::admin_front_within(Arc::clone(&state), &limits);
        let server = Server::new(front, limits.clone(), tls.admin.clone());
        server.report(state.metrics(), api::Listener::Admin);
        let until = until(stopped.subscribe());
        serving.spawn(async move { server.serve(listener, until).await });
    }
    publish(&state, address, tls.decisions.is_some());
    let front = api::front_within(Arc::clone(&state), &limits);
    let server = Server::new(front, limits, tls.decisions.clone());
    server.report(state.metrics(), api::Listener::Decisions);
    let until = until(stopped.subscribe());
    serving.spawn(async move { server.serve(listener, until).await });
    tls.keep_fresh();
    tokio::spawn(following.run());
    tokio::spawn(async move {
        stop.asked().await;
        tracing::info!("stopping: requests under way are finished first");
        state.drain();
        // For balancers, which look at readiness now and then.
        tokio::time::sleep(how.drain_delay).await;
        stopped.send_replace(true);
    });
    while let Some(served) = serving.join_next().await {
        served.map_err(|error| {
            Failure::new(
                format!("listening on `{address}` ended: {error}"),
                "start the server again",
            )
        })?;
    }
    Ok(())
}

/// Without a public URL metadata names the address, and says that it does, with TLS
/// and on loopback too. Source: contract, section 2.
fn publish(state: &AppState, address: SocketAddr, tls: bool) {
    let given = state.public_url().is_some();
    if let Ok(url) = format!("{}://{address}", scheme(tls)).parse() {
        state.publish(url);
    }
    let told = state
        .public_url()
        .and_then(|url| metadata_warning(url, given));
    if let Some(told) = told {
        output::error(&format!("{told}\n"));
    }
}

/// What there is to say of the URL in metadata, and whether the operator gave it.
fn metadata_warning(url: &PublicUrl, given: bool) -> Option<String> {
    let mut told = match given {
        true if url.is_https() => return None,
        true => format!("metadata names {url}"),
        false => format!(
            "metadata names {url}, the address that is listened on; where callers reach this \
             server by another URL, say so with --public-url"
        ),
    };
    if !url.is_https() {
        told += "; the specification wants https";
    }
    Some(told)
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

fn scheme(tls: bool) -> &'static str {
    match tls {
        true => "https",
        false => "http",
    }
}

/// What is served, in one line.
fn banner(address: SocketAddr, tls: bool, point: &Point) -> String {
    let snapshot = point.snapshot();
    let facts = match point.facts() {
        Facts::Directory(world) => format!("{} facts", world.facts().count()),
        Facts::Generic => format!("{} entities", snapshot.facts().entity_count()),
    };
    let (revision, bundle) = (snapshot.revision(), snapshot.bundle().hash());
    let scheme = scheme(tls);
    format!("listening on {scheme}://{address}: revision {revision}, bundle {bundle}, {facts}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, given: bool, said: &[&str]) {
        let told = metadata_warning(&url.parse().unwrap(), given);
        assert_eq!(told.is_some(), !said.is_empty(), "{url}: {told:?}");
        let told = told.unwrap_or_default();
        for part in said {
            assert!(told.contains(part), "{url}: {told}");
        }
    }

    #[test]
    fn a_url_that_nobody_gave_is_told_whatever_it_is() {
        check("https://pdp.example", true, &[]);
        check("http://pdp.example", true, &["wants https"]);
        check(
            "https://0.0.0.0:8180",
            false,
            &["https://0.0.0.0:8180,", "--public-url"],
        );
        check(
            "http://127.0.0.1:8180",
            false,
            &["--public-url", "wants https"],
        );
        let told = metadata_warning(&"https://h:1".parse().unwrap(), false).unwrap();
        assert!(!told.contains("wants https"), "{told}");
    }
}
