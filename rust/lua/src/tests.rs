//! Programs, run as an embedder runs them.

mod calls;
mod files;
mod hostile;
mod http;
mod support;
