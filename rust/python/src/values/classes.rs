//! The classes of values Python has no type of its own for (V-12 to V-16).
//!
//! All are immutable, comparable, hashable if what they hold is, and made for `match`: `case Variant("circle", r)`.

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

/// A case of a WIT variant.
#[pyclass(frozen, generic, module = "wippy_native", name = "Variant")]
pub struct Variant {
    pub(super) tag: Py<PyString>,
    pub(super) payload: Py<PyAny>,
}

#[pymethods]
impl Variant {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    fn match_args() -> (&'static str, &'static str) {
        ("tag", "payload")
    }

    #[new]
    #[pyo3(signature = (tag, payload = None))]
    fn new(py: Python<'_>, tag: Py<PyString>, payload: Option<Py<PyAny>>) -> Self {
        Self { tag, payload: payload.unwrap_or_else(|| py.None()) }
    }

    /// Name of the case, as the WIT spells it.
    #[getter]
    fn tag(&self, py: Python<'_>) -> Py<PyString> {
        self.tag.clone_ref(py)
    }

    /// What the case holds; None if it holds nothing.
    #[getter]
    fn payload(&self, py: Python<'_>) -> Py<PyAny> {
        self.payload.clone_ref(py)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        compare(other, |other: &Self, py| {
            let tags = self.tag.bind(py).as_any().eq(&other.tag)?;
            Ok(tags && self.payload.bind(py).eq(&other.payload)?)
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        (&self.tag, &self.payload).into_pyobject(py)?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tag = self.tag.bind(py).repr()?;
        if self.payload.is_none(py) {
            return Ok(format!("Variant({tag})"));
        }
        Ok(format!("Variant({tag}, {})", self.payload.bind(py).repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let this = slf.get();
        Ok((slf.get_type(), (&this.tag, &this.payload).into_pyobject(slf.py())?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.payload)
    }
}

/// What `==` gives: `NotImplemented` for an object of another class.
fn compare<T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync>(
    other: &Bound<'_, PyAny>,
    same: impl FnOnce(&T, Python<'_>) -> PyResult<bool>,
) -> PyResult<Py<PyAny>> {
    let py = other.py();
    match other.cast::<T>() {
        Ok(other) => Ok(same(other.get(), py)?.into_pyobject(py)?.to_owned().into_any().unbind()),
        Err(_) => Ok(py.NotImplemented()),
    }
}

/// The three classes that hold one value differ in name, in the default of the value and in what they stand for.
macro_rules! holder {
    ($(#[$doc:meta])* $rust:ident, $python:literal, $missing:expr) => {
        $(#[$doc])*
        #[pyclass(frozen, generic, module = "wippy_native", name = $python)]
        pub struct $rust {
            pub(super) value: Py<PyAny>,
        }

        #[pymethods]
        impl $rust {
            #[classattr]
            #[pyo3(name = "__match_args__")]
            fn match_args() -> (&'static str,) {
                ("value",)
            }

            #[new]
            #[pyo3(signature = (*args, **kwargs))]
            fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, pyo3::types::PyDict>>) -> PyResult<Self> {
                let value = single_argument($python, args, kwargs)?;
                let missing: fn(Python<'_>) -> PyResult<Py<PyAny>> = $missing;
                Ok(Self { value: value.map_or_else(|| missing(args.py()), Ok)? })
            }

            #[getter]
            fn value(&self, py: Python<'_>) -> Py<PyAny> {
                self.value.clone_ref(py)
            }

            fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
                compare(other, |other: &Self, py| self.value.bind(py).eq(&other.value))
            }

            fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
                ($python, &self.value).into_pyobject(py)?.hash()
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                Ok(format!(concat!($python, "({})"), self.value.bind(py).repr()?))
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
                Ok((slf.get_type(), (&slf.get().value,).into_pyobject(slf.py())?))
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                visit.call(&self.value)
            }
        }
    };
}

holder!(
    /// The good side of a WIT result.
    OkValue,
    "Ok",
    |py| Ok(py.None())
);
holder!(
    /// The error side of a WIT result.
    ErrValue,
    "Err",
    |py| Ok(py.None())
);
holder!(
    /// The present value of an option inside an option.
    SomeValue,
    "Some",
    |_| Err(PyTypeError::new_err("Some() needs a value"))
);

/// The value given by position or as `value=`.
fn single_argument(
    class: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, pyo3::types::PyDict>>,
) -> PyResult<Option<Py<PyAny>>> {
    let named = kwargs.map(|kwargs| kwargs.get_item("value")).transpose()?.flatten();
    let given = args.len() + kwargs.map_or(0, |kwargs| kwargs.len());
    match (given, args.get_item(0).ok(), named) {
        (0, ..) => Ok(None),
        (1, Some(value), _) | (1, None, Some(value)) => Ok(Some(value.unbind())),
        _ => Err(PyTypeError::new_err(format!("{class}() takes one value"))),
    }
}
