//! Many requests at once.

use super::incoming::{self, Download};
use super::outgoing;
use crate::streams;
use crate::wasi::http::types::FutureIncomingResponse;
use crate::wasi::io::poll::{self, Pollable};

/// One of many requests.
enum Getting {
    Head { ready: Pollable, future: FutureIncomingResponse },
    Body(Download),
    Done(Result<u16, String>),
}

impl Getting {
    fn start(url: &str) -> Self {
        match outgoing::start_get(url) {
            Ok(future) => Getting::Head { ready: future.subscribe(), future },
            Err(error) => Getting::Done(Err(error)),
        }
    }

    /// Goes on as far as it can without waiting.
    fn step(self) -> Self {
        match self {
            Getting::Head { ready, future } => match incoming::head_now(&future) {
                None => Getting::Head { ready, future },
                Some(head) => {
                    // Before the future, whose child it is.
                    drop(ready);
                    head.and_then(Download::open)
                        .map_or_else(|error| Getting::Done(Err(error)), Getting::Body)
                }
            },
            Getting::Body(download) => match download.read() {
                Ok(Some(_)) => Getting::Body(download),
                Ok(None) => Getting::Done(Ok(download.status())),
                Err(error) => Getting::Done(Err(error)),
            },
            done => done,
        }
    }

    fn waits_for(&self) -> Option<&Pollable> {
        match self {
            Getting::Head { ready, .. } => Some(ready),
            Getting::Body(download) => Some(&download.ready),
            Getting::Done(_) => None,
        }
    }

    fn outcome(self) -> Option<Result<u16, String>> {
        match self {
            Getting::Done(outcome) => Some(outcome),
            _ => None,
        }
    }
}

pub fn get_many(urls: &[String]) -> Vec<Result<u16, String>> {
    let mut all: Vec<Getting> = urls.iter().map(|url| Getting::start(url)).collect();
    loop {
        let waits: Vec<&Pollable> = all.iter().filter_map(Getting::waits_for).collect();
        if waits.is_empty() {
            return all.into_iter().filter_map(Getting::outcome).collect();
        }
        poll::poll(&waits);
        all = all.into_iter().map(Getting::step).collect();
    }
}

pub fn hoard(url: &str, count: u32) -> Vec<String> {
    let started: Vec<_> = (0..count).map(|_| outgoing::start_get(url)).collect();
    streams::timer(50).block();
    let heads: Vec<_> = started
        .iter()
        .map(|started| match started {
            // Some hosts notice what arrived only when they are asked whether anything is ready.
            Ok(future) if future.subscribe().ready() => incoming::head_now(future),
            Ok(_) => None,
            Err(error) => Some(Err(error.clone())),
        })
        .collect();
    heads
        .iter()
        .map(|head| match head {
            None => "pending".into(),
            Some(Ok(_)) => "ready".into(),
            Some(Err(error)) => error.clone(),
        })
        .collect()
}
