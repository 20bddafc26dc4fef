//! The results of a batch: put in order, lifted some at a time.

use std::collections::VecDeque;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use wippy_host::batch::Finished;
use wippy_host::error::{Failure, What};
use wippy_host::values::Image;

use super::source::Source;
use crate::function::Prepared;

/// Results lifted under one hold.
const AT_ONCE: usize = 1024;

enum Outcome {
    Ended(Result<Image, Failure>),
    /// The item did not fit the parameters.
    Refused(PyErr),
    /// To be raised, whatever is done with the errors of items.
    Raised(PyErr),
}

/// See the module's documentation.
pub struct Results {
    ordered: bool,
    return_errors: bool,
    raise_err: bool,
    /// The outcomes from number `taken` on, where results are ordered.
    row: VecDeque<Option<Outcome>>,
    /// Outcomes in the order they came, where they are not.
    loose: VecDeque<(u64, Outcome)>,
    /// Results handed out.
    taken: u64,
    /// Items numbered below this have been sent or refused.
    expected: u64,
}

impl Results {
    pub fn new(ordered: bool, return_errors: bool, raise_err: bool) -> Self {
        let (row, loose) = (VecDeque::new(), VecDeque::new());
        Results { ordered, return_errors, raise_err, row, loose, taken: 0, expected: 0 }
    }

    /// Whether there is something to lift.
    pub fn has_next(&self) -> bool {
        if self.ordered { matches!(self.row.front(), Some(Some(_))) } else { !self.loose.is_empty() }
    }

    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Items whose results have not been taken.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.expected - self.taken).unwrap_or(usize::MAX)
    }

    /// Items up to `end` are on their way.
    pub fn expect(&mut self, end: u64) {
        self.expected = end;
        if self.ordered {
            let width = self.in_flight();
            self.row.resize_with(width, || None);
        }
    }

    pub fn refuse(&mut self, number: u64, error: PyErr) {
        self.expect(number + 1);
        self.put(number, Outcome::Refused(error));
    }

    pub fn settle(&mut self, finished: Vec<Finished>, source: &mut Source) {
        for (number, result) in finished {
            self.put(number, Outcome::Ended(result));
        }
        source.forget(self.taken);
    }

    fn put(&mut self, number: u64, outcome: Outcome) {
        if !self.ordered {
            return self.loose.push_back((number, outcome));
        }
        let place = number.checked_sub(self.taken).and_then(|place| usize::try_from(place).ok());
        if let Some(place) = place.and_then(|place| self.row.get_mut(place)) {
            *place = Some(outcome);
        }
    }

    /// The objects of what is there, in order where that is wanted; none if nothing is. An error comes alone, after the
    /// results before it.
    pub fn lift(&mut self, py: Python<'_>, prepared: &Prepared) -> PyResult<Option<Py<PyList>>> {
        let mut values = Vec::new();
        while values.len() < AT_ONCE
            && let Some((number, outcome)) = self.next()
        {
            let value = match self.value(py, prepared, outcome) {
                Ok(value) => value,
                Err(error) if values.is_empty() => return Err(located(py, number, error)),
                Err(error) => {
                    self.put_back(number, error);
                    break;
                }
            };
            let value = if self.ordered { value } else { pair(py, number, value)? };
            values.push(value);
            self.taken += 1;
        }
        if values.is_empty() { Ok(None) } else { Ok(Some(PyList::new(py, values)?.unbind())) }
    }

    fn next(&mut self) -> Option<(u64, Outcome)> {
        if !self.ordered {
            return self.loose.pop_front();
        }
        let outcome = self.row.front_mut()?.take()?;
        self.row.pop_front();
        Some((self.taken, outcome))
    }

    /// Raised the next time.
    fn put_back(&mut self, number: u64, error: PyErr) {
        let outcome = Outcome::Raised(error);
        if self.ordered {
            self.row.push_front(Some(outcome))
        } else {
            self.loose.push_front((number, outcome))
        }
    }

    fn value(&self, py: Python<'_>, prepared: &Prepared, outcome: Outcome) -> PyResult<Py<PyAny>> {
        let (result, is_final) = match outcome {
            Outcome::Ended(ended) => {
                let is_final = ended.as_ref().is_err_and(ends_the_batch);
                (prepared.result(py, ended, self.raise_err), is_final)
            }
            Outcome::Refused(error) => (Err(error), false),
            Outcome::Raised(error) => return Err(error),
        };
        match result {
            Err(error) if self.return_errors && !is_final && error.is_instance_of::<PyException>(py) => {
                Ok(error.into_value(py).into_any())
            }
            result => result,
        }
    }
}

/// What concerns not one item but all that would follow.
fn ends_the_batch(failure: &Failure) -> bool {
    matches!(failure.what, What::Closed | What::Forked | What::Aborted(_) | What::Method)
}

/// An error that says which item it is about: `details["item"]` where there are details, and a note.
fn located(py: Python<'_>, number: u64, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyException>(py) {
        return error;
    }
    let value = error.value(py);
    if let Ok(details) = value.getattr("details").and_then(|details| Ok(details.cast_into::<PyDict>()?)) {
        // What cannot be told does not hide the error itself.
        let _ = details.set_item("item", number);
    }
    let _ = value.call_method1("add_note", (format!("item {number} of the batch, counted from 0"),));
    error
}

fn pair(py: Python<'_>, number: u64, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let number = number.into_pyobject(py)?.into_any();
    Ok(PyTuple::new(py, [number, value.into_bound(py)])?.into_any().unbind())
}
