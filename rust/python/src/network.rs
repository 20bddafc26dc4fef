//! The network's side of the border: rules, what an entry says, what the operator says, and stand-ins for the network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use wippy_host::frame::Frame;
use wippy_host::net::access::{NetworkSpec as HostSpec, ResponseLimits};
use wippy_host::net::address;
use wippy_host::net::http::{Transport, TransportRequest, TransportResponse};
use wippy_host::net::pattern::{LOCAL, is_local};
use wippy_host::net::quota::Caps;
use wippy_host::net::rules::{Rules, Spot, Verdict, WrongPattern};
use wippy_host::net::target::{HostName, Origin};
use wippy_host::net::tls::Tls;
use wippy_host::net::{Network as HostNetwork, NetworkOptions};
use wippy_host::table::{Refusal, Reply};
use wippy_lua::error::Kind;

use crate::asking::{self, Asked, Form};
use crate::errors::raise;

/// What one party allows and denies.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct NetworkRules(Rules);

#[pymethods]
impl NetworkRules {
    /// Raises `ValueError` with a list of (list, index, pattern, problem, hint).
    #[new]
    #[pyo3(signature = (allow=vec![], deny=vec![]))]
    fn new(allow: Vec<String>, deny: Vec<String>) -> PyResult<Self> {
        Rules::parse(&allow, &deny).map(NetworkRules).map_err(|wrong| {
            let row = |wrong: WrongPattern| {
                (wrong.list, wrong.index, wrong.text, wrong.error.problem, wrong.error.hint)
            };
            PyValueError::new_err((wrong.into_iter().map(row).collect::<Vec<_>>(),))
        })
    }

    /// Why these rules refuse a place; None where they allow it. With addresses, what its name resolves to counts too.
    #[pyo3(signature = (url, addresses=vec![]))]
    fn refusal(&self, url: &str, addresses: Vec<String>) -> PyResult<Option<String>> {
        let parsed: PyResult<Vec<IpAddr>> = addresses.iter().map(|text| address_of(text)).collect();
        let addresses = parsed?;
        let origin = Origin::parse(url).ok_or_else(|| {
            PyValueError::new_err(format!(
                "{url:?} names no place; write scheme://host:port with http, https, tcp, udp or listen"
            ))
        })?;
        let spot = Spot { scheme: origin.scheme, name: origin.host.name(), port: origin.port };
        let addresses = match &origin.host {
            HostName::Ip(ip) => vec![*ip],
            HostName::Name(name) if is_local(name) => LOCAL.to_vec(),
            HostName::Name(_) => addresses,
        };
        let by_name = self.0.of_name(spot);
        if !by_name.is_allowed() {
            return Ok(Some(reason(by_name, None)));
        }
        let judged: Vec<_> = addresses.iter().map(|ip| (*ip, self.0.of_address(spot, *ip))).collect();
        if judged.is_empty() || judged.iter().any(|(_, verdict)| verdict.is_allowed()) {
            return Ok(None);
        }
        Ok(judged.last().map(|(ip, verdict)| reason(*verdict, Some(*ip))))
    }
}

fn address_of(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("addresses: {text:?} is no IP address")))
}

fn reason(verdict: Verdict<'_>, ip: Option<IpAddr>) -> String {
    let what = ip.map_or(String::new(), |ip| format!(" ({ip} is {})", address::kind(ip)));
    match verdict {
        Verdict::Denied(pattern) => format!("deny has \"{pattern}\"{what}"),
        _ => format!("nothing allows it{what}"),
    }
}

/// What an entry says of the network.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct NetworkSpec(pub HostSpec);

#[pymethods]
impl NetworkSpec {
    #[new]
    #[pyo3(signature = (
        rules, *, max_sockets=0, max_http_requests=0, max_received_bytes=0, max_sent_bytes=0,
        max_response_header_bytes=65_536, max_response_body_bytes=0, max_response_ms=0
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword a limit, as Python has it")]
    fn new(
        rules: &NetworkRules,
        max_sockets: u64,
        max_http_requests: u64,
        max_received_bytes: u64,
        max_sent_bytes: u64,
        max_response_header_bytes: usize,
        max_response_body_bytes: u64,
        max_response_ms: u64,
    ) -> Self {
        NetworkSpec(HostSpec {
            rules: rules.0.clone(),
            caps: Caps {
                sockets: max_sockets,
                requests: max_http_requests,
                received: max_received_bytes,
                sent: max_sent_bytes,
            },
            response: ResponseLimits {
                header_bytes: max_response_header_bytes,
                body_bytes: max_response_body_bytes,
                time: (max_response_ms > 0).then(|| Duration::from_millis(max_response_ms)),
            },
        })
    }
}

/// The network of one runtime.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct Network(pub Arc<HostNetwork>);

#[pymethods]
impl Network {
    #[new]
    #[pyo3(signature = (
        *, ceiling=None, ca=vec![], nameservers=vec![], http=None, max_total_sockets=0, max_total_http_requests=0,
        max_total_received_bytes=0, max_total_sent_bytes=0
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword a field, as Python has it")]
    fn new(
        py: Python<'_>,
        ceiling: Option<&NetworkRules>,
        ca: Vec<u8>,
        nameservers: Vec<String>,
        http: Option<Py<PyAny>>,
        max_total_sockets: u64,
        max_total_http_requests: u64,
        max_total_received_bytes: u64,
        max_total_sent_bytes: u64,
    ) -> PyResult<Self> {
        let options = NetworkOptions {
            ceiling: ceiling.map(|rules| rules.0.clone()),
            ca,
            nameservers: nameservers.iter().map(|text| nameserver(text)).collect::<PyResult<_>>()?,
            caps: Caps {
                sockets: max_total_sockets,
                requests: max_total_http_requests,
                received: max_total_received_bytes,
                sent: max_total_sent_bytes,
            },
            transport: http.map(|callee| PyTransport::shared(py, callee)).transpose()?,
        };
        let made = py.detach(|| HostNetwork::new(options));
        made.map(Network).map_err(|failure| raise(py, failure, None))
    }
}

/// Says what is wrong with certificates or nameservers, before a runtime is made with them.
#[pyfunction]
pub fn check_network(ca: Option<Vec<u8>>, nameservers: Vec<String>) -> PyResult<()> {
    if let Some(ca) = ca {
        let problem = if ca.is_empty() { Err(NO_CERTIFICATE.to_owned()) } else { Tls::new(&ca).map(drop) };
        problem.map_err(|problem| PyValueError::new_err(format!("NetworkPolicy(ca=...): {problem}")))?;
    }
    nameservers.iter().try_for_each(|text| nameserver(text).map(drop))
}

const NO_CERTIFICATE: &str = "it is empty; give PEM text, -----BEGIN CERTIFICATE-----";

fn nameserver(text: &str) -> PyResult<SocketAddr> {
    let with_port = text.parse::<SocketAddr>();
    let address = with_port.or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
    address.ok().filter(|address| address.port() > 0).ok_or_else(|| {
        PyValueError::new_err(format!(
            "NetworkPolicy(nameservers=...): {text:?} is no nameserver; write 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:53"
        ))
    })
}

type Fields = Vec<(String, Vec<u8>)>;

/// `Runtime(http=...)`: answers requests in the network's place.
struct PyTransport {
    callee: Arc<Py<PyAny>>,
    is_async: bool,
}

impl PyTransport {
    fn shared(py: Python<'_>, callee: Py<PyAny>) -> PyResult<Arc<dyn Transport>> {
        let is_async = asking::is_async(py, &callee)?;
        Ok(Arc::new(PyTransport { callee: Arc::new(callee), is_async }))
    }

    /// Any other exception: the guest gets its words, the log all of it.
    fn failed(error: PyErr) -> Refusal {
        Python::try_attach(|py| {
            let report =
                || py.import("wippy_native.network_log")?.getattr("log_failure")?.call1((error.value(py),));
            if let Err(error) = report() {
                error.write_unraisable(py, None);
            }
        });
        asking::refusal(error)
    }

    /// The code of an `HttpError`.
    fn code(error: &PyErr) -> Option<String> {
        Python::try_attach(|py| {
            let kind = py.import("wippy_native.errors").ok()?.getattr("HttpError").ok()?;
            let value = error.value(py);
            value.is_instance(&kind).ok()?.then(|| value.getattr("code").ok()?.extract().ok())?
        })?
    }
}

impl Asked for PyTransport {
    type Question = TransportRequest;
    type Answer = TransportResponse;

    fn asked(&self) -> (&str, &Arc<Py<PyAny>>, bool) {
        ("Runtime(http=...)", &self.callee, self.is_async)
    }

    fn arguments(py: Python<'_>, request: TransportRequest) -> PyResult<Bound<'_, PyTuple>> {
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), PyBytes::new(py, value))).collect();
        let body = PyBytes::new(py, &request.body);
        let make = py.import("wippy_native.network")?.getattr("request")?;
        let request = make.call1((request.entry, request.method, request.url, headers, body))?;
        PyTuple::new(py, [request])
    }

    fn refusal(error: PyErr) -> Refusal {
        match PyTransport::code(&error) {
            Some(code) => Refusal::of(Kind::Unavailable, code),
            None => PyTransport::failed(error),
        }
    }

    fn answer(py: Python<'_>, _: &str, value: &Bound<'_, PyAny>, _: Form) -> PyResult<TransportResponse> {
        let parts = py.import("wippy_native.network")?.getattr("response_parts")?.call1((value,))?;
        let (status, headers, body, trailers): (u16, Fields, Vec<u8>, Fields) = parts.extract()?;
        Ok(TransportResponse { status, headers, body: Bytes::from(body), trailers })
    }
}

impl Transport for PyTransport {
    fn start(
        &self,
        request: TransportRequest,
        frame: &Frame,
        reply: Reply<TransportResponse>,
    ) -> Option<(TransportRequest, Reply<TransportResponse>)> {
        asking::start(self, request, frame, reply)
    }

    fn call(&self, request: TransportRequest, frame: &Frame, reply: Reply<TransportResponse>) {
        asking::call(self, request, frame, reply);
    }
}
