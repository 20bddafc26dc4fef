//! Calling a core module's function with the types its entry's `wit` text gives (F-14, F-16).
//!
//! The module exports what a component would wrap: `memory`, `cabi_realloc` where strings or lists go in, and
//! optionally `cabi_post_<name>` to free a result. Everything is checked against the module when the function is
//! prepared, so that a call only fails for what happens in it. Calls go through wasmtime's checked interface: a core
//! module with strings makes one guest call a string, so a saved type check would not show.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{
    AsContextMut, Func, Instance, Memory as GuestMemory, Module, ModuleExport, Result, StoreContextMut,
    TypedFunc, Val, ValType,
};

use super::arena::Arena;
use super::copy_out::{Memory, copy_out};
use super::error::guest_error;
use super::flat::{flatten, unflatten};
use super::lower::store_root;
use super::signature::MAX_FLAT_PARAMS;
use super::{Arguments, Image, Signature};

mod check;
pub use check::CoreMismatch;

/// An exported function of a core module, found and checked.
#[derive(Clone)]
pub struct CoreFunction {
    func: ModuleExport,
    params: Vec<ValType>,
    memory: Option<ModuleExport>,
    realloc: Option<ModuleExport>,
    post_return: Option<ModuleExport>,
}

impl CoreFunction {
    /// Finds `name` in the module; `signature` is what the WIT text says of it.
    pub fn new(module: &Module, name: &str, signature: &Signature) -> Result<Self, CoreMismatch> {
        check::check(module, name, signature)
    }

    /// Calls it on the caller's thread. `instance` is one of the module, `signature` the one checked.
    pub fn call(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        instance: Instance,
        signature: &Signature,
        arguments: &mut Arguments,
        max_result_bytes: usize,
    ) -> Result<Image> {
        let store = store.as_context_mut();
        let call = pin!(self.run(Mode::Sync, store, instance, signature, arguments, max_result_bytes));
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(wasmtime::Error::msg("a synchronous call waited")),
        }
    }

    /// Calls it on a fiber.
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        instance: Instance,
        signature: &Signature,
        arguments: &mut Arguments,
        max_result_bytes: usize,
    ) -> Result<Image> {
        let store = store.as_context_mut();
        self.run(Mode::Async, store, instance, signature, arguments, max_result_bytes).await
    }

    async fn run<T: Send>(
        &self,
        mode: Mode,
        mut store: StoreContextMut<'_, T>,
        instance: Instance,
        signature: &Signature,
        arguments: &mut Arguments,
        max_result_bytes: usize,
    ) -> Result<Image> {
        let mut guest = CoreGuest::new(self, mode, &mut store, instance)?;
        let slots = guest.lower(signature, arguments).await?;
        let mut params = [const { Val::I32(0) }; MAX_FLAT_PARAMS];
        for ((param, slot), ty) in params.iter_mut().zip(slots).zip(&self.params) {
            *param = val(ty, slot);
        }
        let mut results = [Val::I32(0)];
        let results = if signature.result.is_some() { &mut results[..] } else { &mut [] };
        let func = guest.func;
        mode.call(&mut guest.store, func, &params[..self.params.len()], results).await?;
        let image = guest.lift(signature, results.first(), max_result_bytes)?;
        if let Some(post_return) = guest.post_return {
            mode.call(&mut guest.store, post_return, results, &mut []).await?;
        }
        Ok(image)
    }
}

/// The exports of one instance.
struct CoreGuest<'a, T: 'static> {
    mode: Mode,
    store: StoreContextMut<'a, T>,
    func: Func,
    memory: Option<GuestMemory>,
    realloc: Option<TypedFunc<(u32, u32, u32, u32), u32>>,
    post_return: Option<Func>,
}

impl<'a, T: Send> CoreGuest<'a, T> {
    fn new(
        function: &CoreFunction,
        mode: Mode,
        store: &'a mut StoreContextMut<'_, T>,
        instance: Instance,
    ) -> Result<Self> {
        let mut get = |export: &ModuleExport| instance.get_module_export(store.as_context_mut(), export);
        let foreign = || wasmtime::Error::msg("instance of another module");
        let func = get(&function.func).and_then(|found| found.into_func()).ok_or_else(foreign)?;
        let memory = function.memory.as_ref().and_then(|export| get(export)?.into_memory());
        let realloc = function.realloc.as_ref().and_then(|export| get(export)?.into_func());
        let post_return = function.post_return.as_ref().and_then(|export| get(export)?.into_func());
        let realloc = realloc.map(|func| func.typed(store.as_context_mut())).transpose()?;
        Ok(Self { mode, store: store.as_context_mut(), func, memory, realloc, post_return })
    }

    async fn lower(
        &mut self,
        signature: &Signature,
        arguments: &mut Arguments,
    ) -> Result<[u64; MAX_FLAT_PARAMS]> {
        for index in 0..arguments.blocks() {
            let (align, size) = arguments.request(index);
            let pointer = self.realloc(align, size).await?;
            arguments.place(index, pointer, self.memory())?;
        }
        if !signature.spills() {
            return Ok(flatten(signature, arguments.root(signature)?));
        }
        let pointer = self.realloc(signature.align, signature.size as usize).await?;
        store_root(arguments.root(signature)?, pointer, self.memory())
    }

    async fn realloc(&mut self, align: u32, size: usize) -> Result<usize> {
        let realloc = self.realloc.clone().ok_or_else(|| wasmtime::Error::msg("no cabi_realloc"))?;
        let params = (0, 0, align, u32::try_from(size)?);
        let pointer = match self.mode {
            Mode::Sync => realloc.call(&mut self.store, params)?,
            Mode::Async => realloc.call_async(&mut self.store, params).await?,
        };
        if pointer.is_multiple_of(align) {
            Ok(pointer as usize)
        } else {
            Err(guest_error("realloc return: result not aligned"))
        }
    }

    fn memory(&mut self) -> &mut [u8] {
        self.memory.map_or(&mut [], |memory| memory.data_mut(&mut self.store))
    }

    fn lift(&self, signature: &Signature, value: Option<&Val>, limit: usize) -> Result<Image> {
        let (Some(ty), Some(value)) = (&signature.result, value) else { return Ok(Image::default()) };
        let value = bits(value);
        if signature.returns_pointer() {
            let memory = self.memory.map_or(&[][..], |memory| memory.data(&self.store));
            return copy_out(ty, value as u32, &mut Utf8(memory), limit);
        }
        let mut arena = Arena::default();
        arena.append_zeros(ty.size as usize);
        unflatten(ty, value, &mut arena).map_err(wasmtime::Error::new)?;
        Ok(Image::new(arena))
    }
}

/// Core modules always use UTF-8.
struct Utf8<'a>(&'a [u8]);

impl Memory for Utf8<'_> {
    fn bytes(&self) -> &[u8] {
        self.0
    }
}

/// Whether guest calls may suspend.
#[derive(Clone, Copy)]
enum Mode {
    Sync,
    Async,
}

impl Mode {
    async fn call<T: Send>(
        self,
        store: &mut StoreContextMut<'_, T>,
        func: Func,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        match self {
            Self::Sync => func.call(store, params, results),
            Self::Async => func.call_async(store, params, results).await,
        }
    }
}

fn val(ty: &ValType, slot: u64) -> Val {
    match ty {
        ValType::I64 => Val::I64(slot as i64),
        ValType::F32 => Val::F32(slot as u32),
        ValType::F64 => Val::F64(slot),
        _ => Val::I32(slot as i32),
    }
}

fn bits(value: &Val) -> u64 {
    match *value {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        Val::F32(bits) => u64::from(bits),
        Val::F64(bits) => bits,
        _ => 0,
    }
}
