//! Timers and polling.

use crate::wasi::clocks::{monotonic_clock, wall_clock};
use crate::wasi::io::poll::{self, Pollable};

const MILLISECOND: u64 = 1_000_000;

pub fn now_wall() -> (u64, u32) {
    let now = wall_clock::now();
    (now.seconds, now.nanoseconds)
}

pub fn wall_resolution() -> (u64, u32) {
    let resolution = wall_clock::resolution();
    (resolution.seconds, resolution.nanoseconds)
}

pub fn sleep(ms: u32) -> u64 {
    let start = monotonic_clock::now();
    timer(ms).block();
    monotonic_clock::now() - start
}

pub fn sleep_until(ms: u32) -> u64 {
    let start = monotonic_clock::now();
    monotonic_clock::subscribe_instant(start + u64::from(ms) * MILLISECOND).block();
    monotonic_clock::now() - start
}

pub fn poll(ms: &[u32]) -> Vec<u32> {
    let timers: Vec<Pollable> = ms.iter().map(|ms| timer(*ms)).collect();
    poll::poll(&timers.iter().collect::<Vec<_>>())
}

pub fn ready_now(ms: u32) -> bool {
    timer(ms).ready()
}

fn timer(ms: u32) -> Pollable {
    monotonic_clock::subscribe_duration(u64::from(ms) * MILLISECOND)
}
