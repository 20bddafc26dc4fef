//! Calling a component's function: the only file that uses what wasmtime hides.
//!
//! `ComponentType`, `Lower` and `Lift` are public traits with hidden items, meant for derived implementations of static
//! types. One dynamic implementation here serves every signature, without `Val`s in between. wasmtime does not promise
//! to keep these items, so its version is pinned exactly. What an implementation owes, and where it is paid:
//!
//! - all flat slots initialised: [`Lowering`] writes all sixteen, always;
//! - bounds and alignment of what `realloc` gives: checked by wasmtime, and again when copying;
//! - no slice kept over `realloc`: `lower` asks for memory anew each time;
//! - bounds, alignment and discriminants of the result: `copy_out`; hostcall fuel: its byte limit.
//!
//! Lifting is a function without `self`, so the plan reaches it through `expected`, set around the call and around each
//! poll of an asynchronous one.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower, TypedFunc};
use wasmtime::{AsContextMut, Result, ValRaw};

use super::arena::Arena;
use super::copy_out::{Memory, copy_out};
use super::error::guest_error;
use super::expected::{Expected, Scope, with_current};
use super::flat::unflatten;
use super::lower::{Guest, lower};
use super::signature::MAX_FLAT_PARAMS;
use super::{Arguments, Image, PAIR, Signature};

/// Calls `func` on the caller's thread. `signature` is that of `func`.
pub fn call(
    store: impl AsContextMut,
    func: Func,
    signature: &Signature,
    arguments: &mut Arguments,
    max_result_bytes: usize,
) -> Result<Image> {
    let expected = Expected { result: signature.result.as_deref(), limit: max_result_bytes };
    let _scope = Scope::enter(&expected);
    typed(func).call(store, Lowering::new(signature, arguments)).map(|lifted| lifted.0)
}

/// Calls `func` on a fiber. `signature` is that of `func`.
pub async fn call_async(
    store: impl AsContextMut<Data: Send>,
    func: Func,
    signature: &Signature,
    arguments: &mut Arguments,
    max_result_bytes: usize,
) -> Result<Image> {
    let expected = Expected { result: signature.result.as_deref(), limit: max_result_bytes };
    let typed = typed(func);
    let mut call = pin!(typed.call_async(store, Lowering::new(signature, arguments)));
    let lifted = poll_fn(|cx| {
        let _scope = Scope::enter(&expected);
        call.as_mut().poll(cx)
    });
    lifted.await.map(|lifted| lifted.0)
}

fn typed<'a>(func: Func) -> TypedFunc<Lowering<'a>, Lifted> {
    // SAFETY: whatever the type of `func` is, it takes at most sixteen core parameters, all of which `Lowering`
    // initialises, and gives at most one core result, which `Lifted` takes for a number and checks as a pointer. A
    // signature that is not `func`'s gives wrong values or an error, not undefined behaviour.
    unsafe { TypedFunc::new_unchecked(func) }
}

/// All parameters of a call.
struct Lowering<'a> {
    signature: &'a Signature,
    /// Taken out at once: no lock is held while the guest runs (it may go on on another thread).
    arguments: Mutex<Option<&'a mut Arguments>>,
}

impl<'a> Lowering<'a> {
    fn new(signature: &'a Signature, arguments: &'a mut Arguments) -> Self {
        Self { signature, arguments: Mutex::new(Some(arguments)) }
    }
}

// SAFETY: `Lower` is an array of `ValRaw`. Its length is the most that is passed flat, so wasmtime always asks for the
// flat form and never looks at `ABI`; the size and alignment of real parameters come from our own plan.
unsafe impl ComponentType for Lowering<'_> {
    type Lower = [ValRaw; MAX_FLAT_PARAMS];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: it stands for a whole parameter list; see `typed` for why no check against the function's type is needed.
unsafe impl ComponentNamedList for Lowering<'_> {}

// SAFETY: `linear_lower_to_flat` initialises all of `dst`.
unsafe impl Lower for Lowering<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let taken = self.arguments.lock().unwrap_or_else(PoisonError::into_inner).take();
        let arguments = taken.ok_or_else(|| wasmtime::Error::msg("arguments lowered twice"))?;
        let slots = lower(arguments, self.signature, &mut Lowered(cx))?;
        dst.write(slots.map(ValRaw::u64));
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> Result<()> {
        Err(wasmtime::Error::msg("parameters are lowered flat"))
    }
}

/// A component instance while arguments are lowered into it.
struct Lowered<'a, 'b, T: 'static>(&'a mut LowerContext<'b, T>);

impl<T> Guest for Lowered<'_, '_, T> {
    fn realloc(&mut self, align: u32, size: usize) -> Result<usize> {
        self.0.realloc(0, 0, align, size).map_err(realloc_error)
    }

    fn memory(&mut self) -> &mut [u8] {
        self.0.as_slice_mut()
    }

    fn encodes(&self) -> bool {
        self.0.options().string_encoding != StringEncoding::Utf8
    }

    fn encode(&mut self, text: &str) -> Result<(usize, usize)> {
        let mut pair = MaybeUninit::<[ValRaw; 2]>::uninit();
        text.linear_lower_to_flat(self.0, InterfaceType::String, &mut pair).map_err(realloc_error)?;
        // SAFETY: an implementation of `Lower` initialises everything when it succeeds.
        let [pointer, len] = unsafe { pair.assume_init() };
        Ok((pointer.get_i64() as usize, len.get_i64() as usize))
    }
}

/// wasmtime's complaints about the address a guest's `realloc` gave have no type of their own.
fn realloc_error(error: wasmtime::Error) -> wasmtime::Error {
    let text = error.to_string();
    if text.starts_with("realloc return:") { guest_error(text) } else { error }
}

/// The result of a call.
struct Lifted(Image);

// SAFETY: `Lower` is an array of `ValRaw` as long as the most a function returns flat, so wasmtime always lifts from
// there and never looks at `ABI`.
unsafe impl ComponentType for Lifted {
    type Lower = [ValRaw; 1];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: as for `Lowering`.
unsafe impl ComponentNamedList for Lifted {}

// SAFETY: every value made from the guest's bits is checked, see `copy_out` and `unflatten`.
unsafe impl Lift for Lifted {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, _: InterfaceType, src: &[ValRaw; 1]) -> Result<Self> {
        let lift = |expected: &Expected<'_>| {
            let Some(ty) = expected.result else { return Ok(Self(Image::default())) };
            if ty.flat > 1 {
                return copy_out(ty, src[0].get_u32(), &mut Lifting(cx), expected.limit).map(Self);
            }
            let mut arena = Arena::default();
            arena.append_zeros(ty.size as usize);
            unflatten(ty, src[0].get_u64(), &mut arena).map_err(wasmtime::Error::new)?;
            Ok(Self(Image::new(arena)))
        };
        with_current(lift).ok_or_else(|| wasmtime::Error::msg("result lifted outside a call"))?
    }

    fn linear_lift_from_memory(_: &mut LiftContext<'_>, _: InterfaceType, _: &[u8]) -> Result<Self> {
        Err(wasmtime::Error::msg("results are lifted from core values"))
    }
}

/// A component instance while a result is copied out of it.
struct Lifting<'a, 'b>(&'a mut LiftContext<'b>);

impl Memory for Lifting<'_, '_> {
    fn bytes(&self) -> &[u8] {
        self.0.memory()
    }

    fn decode(&mut self, pair: [u8; PAIR]) -> Option<Result<String>> {
        /// wasmtime expects the pair where a guest would have it, aligned.
        #[repr(align(8))]
        struct Aligned([u8; PAIR]);

        if self.0.options().string_encoding == StringEncoding::Utf8 {
            return None;
        }
        let text = String::linear_lift_from_memory(self.0, InterfaceType::String, &Aligned(pair).0);
        Some(text.map_err(|error| guest_error(error.to_string())))
    }
}
