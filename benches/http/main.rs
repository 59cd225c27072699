//! Decisions per second over HTTP, against what bounds them and what they replace.
//!
//! Three servers answer the same load, one after the other, each on one core with
//! the load generator (`wrk`) on another: `aobo serve` as it is installed; a bare
//! hyper server that returns the same bytes, headers too, without looking at the
//! question; and cedar-policy's `is_authorized` behind the same route, with the policies, links
//! and entities of the same world. Before anything is timed, aobo and cedar-policy
//! must give each question the known answer. Then batches of 1,000, and the
//! latency of single decisions while facts are written and policies taken into use.
//!
//! `cargo bench --bench http` prints the ratios; `AOBO_BENCH_SECONDS` says how long
//! each round lasts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench is no product code"
)]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

mod load;
mod questions;
mod running;
mod servers;

use load::{Load, Measured};
use running::Running;

/// Rounds of each server; the best of each is compared.
const ROUNDS: usize = 3;
/// Connections of the load generator.
const CONNECTIONS: usize = 64;
/// Questions in a batch.
const BATCH: usize = 1_000;
/// Connections that ask batches.
const BATCH_CONNECTIONS: usize = 4;
/// Facts written a second while latency is measured.
const WRITES_PER_SECOND: u32 = 500;

fn main() {
    if let Ok(role) = std::env::var("AOBO_HTTP_ROLE") {
        return servers::run(&role);
    }
    if let Some(missing) = load::missing() {
        println!("skipped: {missing}");
        assert!(
            std::env::var("AOBO_REQUIRE").is_err(),
            "{missing} is required"
        );
        return;
    }
    running::stay_on_the_second_core();
    let seconds = std::env::var("AOBO_BENCH_SECONDS").ok();
    let seconds = seconds.map_or(5, |text| text.parse().expect("whole seconds"));
    let questions = questions::all();
    let folder = tempfile::tempdir().unwrap();
    let single = Load::single(folder.path(), &questions, CONNECTIONS, seconds);
    let aobo = Running::aobo(folder.path());
    aobo.check(&questions);
    println!(
        "one core serves, one asks over {CONNECTIONS} connections; production defaults, decision log off\n"
    );
    throughput(&aobo, &questions, &single);
    let batch = Load::batch(folder.path(), &questions, BATCH, BATCH_CONNECTIONS, seconds);
    aobo.check_batch(&questions, BATCH);
    let measured = batch.run(&aobo.evaluations());
    println!(
        "batches of {BATCH}       {:>10.0} decisions/s   aim 1,000,000",
        measured.per_second * BATCH as f64
    );
    latency(&aobo, &single);
}

fn throughput(aobo: &Running, questions: &[questions::Asked], single: &Load) {
    let answer = aobo.whole_answer(&questions[0]);
    let bare = Running::own("bare", &answer);
    let cedar = Running::own("cedar", "");
    cedar.check(questions);
    let mut best = [Measured::default(); 3];
    for _ in 0..ROUNDS {
        for (best, server) in best.iter_mut().zip([aobo, &bare, &cedar]) {
            *best = best.better(single.run(&server.evaluation()));
        }
    }
    let [of_aobo, of_bare, of_cedar] = best;
    let ratio = |other: Measured| of_aobo.per_second / other.per_second;
    println!(
        "aobo                   {:>10.0} requests/s    p50 {:.2} ms, p99 {:.2} ms",
        of_aobo.per_second, of_aobo.p50_ms, of_aobo.p99_ms
    );
    println!(
        "bare hyper             {:>10.0} requests/s    aobo reaches {:.0} %   aim 75 %",
        of_bare.per_second,
        100.0 * ratio(of_bare)
    );
    println!(
        "cedar-policy           {:>10.0} requests/s    aobo is {:.1} times it   aim 8",
        of_cedar.per_second,
        ratio(of_cedar)
    );
}

/// p99 while nothing else happens, and while facts and policies change.
fn latency(aobo: &Running, single: &Load) {
    let quiet = single.at_half_load().run(&aobo.evaluation());
    let changing = aobo.change(WRITES_PER_SECOND);
    let busy = single.at_half_load().run(&aobo.evaluation());
    let changed = changing.stop();
    println!(
        "p99, {} connections     {:>10.2} ms quiet      {:.2} ms during {} writes and {} reloads: {:.1} times   aim 2",
        CONNECTIONS / 8,
        quiet.p99_ms,
        busy.p99_ms,
        changed.writes,
        changed.reloads,
        busy.p99_ms / quiet.p99_ms
    );
}
