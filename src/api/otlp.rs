//! Spans of requests, sent to a collector: OTLP over HTTP, in protobuf.
//!
//! A span holds the method, the route's template, the status and the request's id;
//! paths as they were asked, queries, headers and bodies stay here. A caller's
//! decision to record its trace is followed; traces that begin here are recorded at
//! a ratio. Deliberately not here: waiting for the collector. Spans go through a
//! bounded queue of the library's own, which drops and says so when it is full.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use opentelemetry::trace::Span as _;
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};

use super::request_id::RequestId;
use super::trace::{Parent, Trace};

/// Seconds that the collector has to take a batch. Source: OTLP's default.
const EXPORT_SECONDS_MAX: u64 = 10;
/// Where a collector takes traces. Source: OTLP 1.x, "OTLP/HTTP Request".
const TRACES: &str = "/v1/traces";

/// The way to a collector.
pub struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Spans {
    /// To the collector at a URL: `http://127.0.0.1:4318`. `ratio` is how many of the
    /// traces that begin here are recorded, from 0 to 1.
    ///
    /// # Errors
    /// [`ExporterBuildError`] if the URL is none.
    pub fn to(url: &str, ratio: f64) -> Result<Self, ExporterBuildError> {
        let base = url.trim_end_matches('/');
        let endpoint = match base.ends_with(TRACES) {
            true => base.to_owned(),
            false => format!("{base}{TRACES}"),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_http_client(Client::new())
            .build()?;
        let begun_here = Sampler::TraceIdRatioBased(ratio);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(begun_here)))
            .with_resource(Resource::builder().with_service_name("aobo").build())
            .build();
        let tracer = provider.tracer("aobo");
        Ok(Self { provider, tracer })
    }

    /// Begins the span of a request.
    pub(super) fn begin(
        &self,
        parent: Option<Parent>,
        method: &Method,
        route: Option<&str>,
    ) -> Sent {
        let name = match route {
            Some(route) => format!("{method} {route}"),
            None => "other".to_owned(),
        };
        let mut attributes = vec![KeyValue::new("http.request.method", method.to_string())];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes);
        let context = match &parent {
            Some(parent) => Context::new().with_remote_span_context(remote(parent)),
            None => Context::new(),
        };
        Sent(builder.start_with_context(&self.tracer, &context))
    }

    /// Sends what has not been sent yet, and nothing after it.
    pub fn close(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "spans were not sent to the end");
        }
    }
}

/// The span of a request under way.
pub(super) struct Sent(Span);

impl Sent {
    /// Where the request stands.
    pub(super) fn trace(&self) -> Trace {
        let own = self.0.span_context();
        Trace {
            trace_id: u128::from_be_bytes(own.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(own.span_id().to_bytes()),
        }
    }

    /// Says how the request ended.
    pub(super) fn end(mut self, status: StatusCode, request_id: &RequestId) {
        let Self(span) = &mut self;
        if !span.is_recording() {
            return;
        }
        let code = i64::from(status.as_u16());
        span.set_attribute(KeyValue::new("http.response.status_code", code));
        span.set_attribute(KeyValue::new("aobo.request_id", request_id.to_string()));
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn remote(parent: &Parent) -> SpanContext {
    let members = parent
        .state
        .split(',')
        .filter_map(|member| member.split_once('='));
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id.to_be_bytes()),
        SpanId::from_bytes(parent.span_id.to_be_bytes()),
        match parent.sampled {
            true => TraceFlags::SAMPLED,
            false => TraceFlags::default(),
        },
        true,
        TraceState::from_key_value(members).unwrap_or_default(),
    )
}

/// Speaks to the collector from the exporter's own thread, which may wait.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(EXPORT_SECONDS_MAX)))
            .http_status_as_error(false)
            .build();
        Self(config.into())
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.0.run(request.map(|bytes| bytes.to_vec()))?;
        let (parts, mut body) = response.into_parts();
        let body = body.read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'client, 'answer>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'client: 'answer,
        Self: 'answer,
    {
        Box::pin(std::future::ready(self.send(request)))
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Spans")
    }
}
