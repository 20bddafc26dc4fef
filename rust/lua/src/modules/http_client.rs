//! `http_client`: requests of programs (L-33, L-36). Whether one may be sent, and to where, is for the embedder to say.
//!
//! What a program gives is made into a request that means one thing only: its URL is parsed and written anew, so that
//! nobody reads another host in it than was judged; headers have no line breaks; and those which say where a message ends
//! or how it is passed on are left out, as they are not the program's. The cost is that a program cannot send a malformed
//! request, which is not what it is for.
//!
//! Requests and responses lie outside the Lua state. So the requests that a worker has under way may take as much as its
//! state, and no more than a few are sent at once: the others wait, and their time runs from when they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlua::{Lua, Table, Value as LuaValue};
use tokio::sync::Semaphore;

use super::args::{self, Answer, Result, invalid};
use super::errors;
use crate::host::{Request, Waiting};
use crate::operations::start;
use crate::program::Plan;
use crate::watch::host;

mod encoding;
mod headers;
mod request;
mod response;

/// Requests of a worker that are sent at once.
const MOST_AT_ONCE: usize = 16;

/// What a request takes besides its texts, about.
const REQUEST: usize = 4096;

/// What a worker keeps for the module. Cheap to clone.
#[derive(Clone)]
struct State {
    turn: Arc<Semaphore>,
    /// Bytes of requests under way.
    load: Arc<AtomicUsize>,
    /// Bytes that they may take, and a response.
    limit: usize,
}

/// The module's functions, and what `prelude/http_client.lua` starts.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("start", lua.create_function(start_request)?)?;
    table.raw_set("encode_uri", lua.create_function(encode_uri)?)?;
    table.raw_set("decode_uri", lua.create_function(decode_uri)?)?;
    Ok(table)
}

fn state(lua: &Lua) -> mlua::Result<State> {
    if let Some(state) = lua.app_data_ref::<State>() {
        return Ok(state.clone());
    }
    let memory = lua.app_data_ref::<Arc<Plan>>().map_or(0, |plan| plan.memory);
    let limit = if memory == 0 { args::OUTPUT } else { memory };
    let state = State { turn: Arc::new(Semaphore::new(MOST_AT_ONCE)), load: Arc::default(), limit };
    lua.set_app_data(state.clone());
    Ok(state)
}

/// A request: waits for its response.
fn start_request(
    lua: &Lua,
    (method, url, options): (LuaValue, LuaValue, LuaValue),
) -> mlua::Result<(Option<i64>, LuaValue)> {
    let state = state(lua)?;
    let host = host(lua)?;
    let waiting = request::request(lua, &method, &url, &options, state.limit).and_then(|made| {
        let load = state.load(&made.request)?;
        Ok(send(state, host, made, load))
    });
    match waiting {
        Ok(waiting) => Ok((Some(start(lua, waiting)?), LuaValue::Nil)),
        Err(error) => Ok((None, errors::push(lua, error)?)),
    }
}

fn send(state: State, host: Arc<dyn crate::host::Host>, made: request::Made, load: Load) -> Waiting {
    Box::pin(async move {
        let _permit = state.turn.acquire_owned().await;
        let most = made.most.min(state.limit / 2);
        let answer = host.http(made.request).await?;
        drop(load);
        Ok(answer.and_then(|response| response::value(response, most)))
    })
}

/// What a request takes, as long as it is under way.
struct Load(Arc<AtomicUsize>, usize);

impl State {
    fn load(&self, request: &Request) -> Result<Load> {
        let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = REQUEST + request.url.len() + headers + request.body.len();
        // Counted before it is judged: the count goes back with it.
        let load = Load(Arc::clone(&self.load), bytes);
        if self.load.fetch_add(bytes, Ordering::Relaxed) + bytes > self.limit {
            return Err(invalid(format!("the requests under way would take more than {} bytes", self.limit)));
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

fn encode_uri(lua: &Lua, text: LuaValue) -> Answer {
    args::answer_bytes(lua, args::string(lua, &text, "text").map(|text| encoding::encoded(&text.as_bytes())))
}

fn decode_uri(lua: &Lua, text: LuaValue) -> Answer {
    args::answer_bytes(
        lua,
        args::string(lua, &text, "text").and_then(|text| encoding::decoded(&text.as_bytes())),
    )
}
