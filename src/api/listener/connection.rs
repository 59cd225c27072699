//! One connection: hyper's future, and the one timer that holds it to its limits.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Limits;
use super::meter::{Meter, Metered, Phase, Standing};
use super::roster::Stage;
use super::server::Shared;
use super::service::{Answers, questions};
use crate::api::tls::ClientCertificate;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By the caller, or by agreement.
    Finished,
    /// It outlasted a limit.
    Late(Phase),
    /// By the listener, with nothing under way or with no time left.
    Closed,
}

/// Answers the requests of a connection until it ends or must.
pub(super) async fn drive<A, I>(shared: &Shared<A>, io: I, caller: Option<ClientCertificate>) -> End
where
    A: Answers,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let meter = Arc::new(Meter::default());
    let service = questions(shared.answers().clone(), Arc::clone(&meter), caller);
    let io = TokioIo::new(Metered::new(io, Arc::clone(&meter)));
    let mut connection = pin!(shared.protocol().serve_connection(io, service));
    let mut seat = shared.roster().seat();
    let mut watch = Watch::new(&meter, Instant::now());
    let mut timer = pin!(tokio::time::sleep(shared.limits().head));
    std::future::poll_fn(|context| {
        seat.keep(context.waker());
        loop {
            match shared.roster().stage() {
                Stage::Open => {}
                Stage::Draining => meter.leave(),
                Stage::Closing => return Poll::Ready(End::Closed),
            }
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(End::Finished);
            }
            let limits = shared.limits();
            match watch.look(Instant::now(), limits, shared.is_crowded()) {
                // It was asked to go before, and did not answer.
                Verdict::Cut(Phase::Idle) => return Poll::Ready(End::Closed),
                Verdict::Cut(phase) => return Poll::Ready(End::Late(phase)),
                Verdict::Ask => connection.as_mut().graceful_shutdown(),
                Verdict::Wait(due) => {
                    // A timer that fires early only has another look taken.
                    if due < timer.deadline() || timer.is_elapsed() {
                        timer.as_mut().reset(due);
                    }
                    if timer.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    })
    .await
}

/// What follows from the time.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Nothing before then, unless something happens.
    Wait(Instant),
    /// The connection is asked to finish: GOAWAY, or no further request.
    Ask,
    /// The connection is dropped.
    Cut(Phase),
}

/// Since when a connection is doing what it does.
struct Watch<'m> {
    meter: &'m Meter,
    opened: Instant,
    standing: Standing,
    since: Instant,
    /// Since when it is on its way out.
    leaving: Option<Instant>,
    asked: bool,
}

impl<'m> Watch<'m> {
    fn new(meter: &'m Meter, now: Instant) -> Self {
        Self {
            meter,
            opened: now,
            standing: meter.standing(),
            since: now,
            leaving: None,
            asked: false,
        }
    }

    fn look(&mut self, now: Instant, limits: &Limits, crowded: bool) -> Verdict {
        let standing = self.meter.standing();
        if standing != self.standing {
            (self.standing, self.since) = (standing, now);
        }
        let phase = standing.phase;
        let waits = matches!(phase, Phase::Head | Phase::Idle);
        let due = self.since
            + match phase {
                Phase::Busy => limits.busy,
                Phase::Stalled => limits.stall,
                _ if self.asked => limits.linger,
                Phase::Head => limits.head,
                Phase::Idle if crowded => limits.crowded_idle.min(limits.idle),
                Phase::Idle => limits.idle,
            };
        if now >= due && (phase != Phase::Idle || self.asked) {
            return Verdict::Cut(phase);
        }
        if self.asked {
            return Verdict::Wait(due);
        }
        let aged = self.opened + limits.age;
        if self.leaving.is_none() && (self.meter.leaves() || now >= aged) {
            self.meter.leave();
            self.leaving = Some(now);
        }
        // HTTP/2 answers what is on its way whenever it is asked to finish; on
        // HTTP/1 an idle connection is closed by that, so it is listened to a while.
        let linger = match self.meter.is_http2() {
            true => Duration::ZERO,
            false => limits.linger,
        };
        let leave = self.leaving.map_or(aged, |since| since + linger);
        if (self.leaving.is_some() && now >= leave) || now >= due {
            self.asked = true;
            if waits {
                self.since = now;
            }
            return Verdict::Ask;
        }
        // Whether it is crowded is asked again now and then.
        let again = match phase {
            Phase::Idle => now + limits.crowded_idle,
            _ => due,
        };
        Verdict::Wait(due.min(leave).min(again))
    }
}
