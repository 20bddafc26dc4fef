//! Programs, run as an embedder runs them.

mod calls;
mod hostile;
mod support;
