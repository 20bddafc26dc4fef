//! What is read off a state's own stack.

use std::ffi::c_int;

use mlua::ffi;

/// Takes off the stack what was pushed since.
pub(crate) struct Top(*mut ffi::lua_State, c_int);

impl Top {
    pub fn of(state: *mut ffi::lua_State) -> Self {
        // SAFETY: the caller has the state locked.
        Top(state, unsafe { ffi::lua_gettop(state) })
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // SAFETY: the state is locked still, and has at least as many values as it had.
        unsafe { ffi::lua_settop(self.0, self.1) }
    }
}

/// The bytes of a string.
///
/// # Safety
/// A string is there, and stays there while its bytes are looked at. A number would be changed into one.
pub(crate) unsafe fn string<'a>(state: *mut ffi::lua_State, index: c_int) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: as above.
    unsafe {
        let bytes = ffi::lua_tolstring(state, index, &raw mut length);
        std::slice::from_raw_parts(bytes.cast(), length)
    }
}
