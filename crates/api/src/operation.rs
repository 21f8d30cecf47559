//! What the API can do: one table from which routes, rights and the OpenAPI document
//! are all made.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use postrider_delivery::Deadline;
use postrider_domain::Capability;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::access::{Access, AuthRequest, Requires};
use crate::answer::Answer;
use crate::call::{Call, too_late};
use crate::error::{ApiError, ApiResult, Code};
use crate::idempotency::{self, IdempotencyHeader};
use crate::request::body;
use crate::request::edge;
use crate::request::page::ListOut;
use crate::request::param::Parameter;
use crate::request::query::Query;
use crate::request::segments::Segments;
use crate::state::Shared;

type Work = Pin<Box<dyn Future<Output = ApiResult<Answer>> + Send>>;
type Handler = Arc<dyn Fn(Arc<Shared>, Rules, Request) -> Work + Send + Sync>;

/// A schema and the schemas that it names.
#[derive(Clone)]
pub(crate) struct SchemaOf {
    pub name: String,
    pub schema: RefOr<Schema>,
    pub nested: Vec<(String, RefOr<Schema>)>,
}

impl SchemaOf {
    fn of<T: ToSchema>(name: String) -> Self {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        Self {
            name,
            schema: T::schema(),
            nested,
        }
    }
}

/// One answer that the document shows.
#[derive(Clone)]
pub(crate) struct Shown {
    pub status: StatusCode,
    pub about: &'static str,
    pub content_type: &'static str,
    pub schema: Option<SchemaOf>,
    pub example: Option<serde_json::Value>,
}

/// How a request of an operation is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    params: &'static [&'static dyn Parameter],
    reads_body: bool,
    /// Whether the handler keeps idempotency keys itself.
    keeps_keys: bool,
    /// What a token of an application must be capable of.
    capability: Option<Capability>,
    /// The most bytes of a body, where it is more than the installation's limit.
    large: Option<usize>,
}

/// One thing that the API can do.
#[derive(Clone)]
pub(crate) struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub about: &'static str,
    pub need: Requires,
    pub body: Option<(SchemaOf, serde_json::Value)>,
    /// Whether it may be left out, which is as an empty object.
    pub body_is_optional: bool,
    pub answers: Vec<Shown>,
    /// Codes beyond those that every operation with its rights can give.
    pub codes: &'static [Code],
    /// Whether only old clients should call it.
    pub is_deprecated: bool,
    rules: Rules,
    handler: Handler,
}

impl Operation {
    /// An operation of `handler`, whose argument says what a caller needs.
    pub(crate) fn new<A, F, W>(
        method: Method,
        path: &'static str,
        id: &'static str,
        handler: F,
    ) -> Self
    where
        A: Access,
        F: Fn(Call<A>) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = ApiResult<Answer>> + Send + 'static,
    {
        Self {
            method,
            path,
            id,
            tag: "",
            summary: "",
            about: "",
            need: A::NEED,
            body: None,
            body_is_optional: false,
            answers: Vec::new(),
            codes: &[],
            is_deprecated: false,
            rules: Rules {
                params: &[],
                reads_body: false,
                keeps_keys: false,
                capability: None,
                large: None,
            },
            handler: Arc::new(move |shared, rules, request| {
                Box::pin(perform(shared, rules, request, handler.clone()))
            }),
        }
    }

    /// What it is about, in a line and in full.
    pub(crate) fn says(mut self, summary: &'static str, about: &'static str) -> Self {
        self.summary = summary;
        self.about = about;
        self
    }

    /// The parameters of its query.
    pub(crate) fn query(mut self, params: &'static [&'static dyn Parameter]) -> Self {
        self.rules.params = params;
        self
    }

    /// Its body, with an example.
    pub(crate) fn takes<T: ToSchema>(mut self, example: serde_json::Value) -> Self {
        self.body = Some((SchemaOf::of::<T>(T::name().into_owned()), example));
        self.rules.reads_body = true;
        self
    }

    /// Its body, which may be left out, with an example.
    pub(crate) fn may_take<T: ToSchema>(mut self, example: serde_json::Value) -> Self {
        self.body_is_optional = true;
        self.takes::<T>(example)
    }

    /// A JSON answer.
    pub(crate) fn answers<T: ToSchema>(self, status: u16, about: &'static str) -> Self {
        let schema = SchemaOf::of::<T>(T::name().into_owned());
        self.shows(status, about, "application/json", Some(schema))
    }

    /// A page of a list.
    pub(crate) fn lists<T: ToSchema>(self, about: &'static str) -> Self {
        let mut schema = SchemaOf::of::<ListOut<T>>(format!("List{}", T::name()));
        schema.nested.push((T::name().into_owned(), T::schema()));
        self.shows(200, about, "application/json", Some(schema))
    }

    /// An answer without a body.
    pub(crate) fn answers_nothing(self, status: u16, about: &'static str) -> Self {
        self.shows(status, about, "", None)
    }

    /// A JSON answer that needs no schema of its own.
    pub(crate) fn answers_json(
        self,
        status: u16,
        about: &'static str,
        example: serde_json::Value,
    ) -> Self {
        self.shows(status, about, "application/json", None)
            .example(example)
    }

    /// An answer that is no JSON.
    pub(crate) fn answers_text(self, about: &'static str, content_type: &'static str) -> Self {
        self.shows(200, about, content_type, None)
    }

    fn shows(
        mut self,
        status: u16,
        about: &'static str,
        content_type: &'static str,
        schema: Option<SchemaOf>,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        self.answers.push(Shown {
            status,
            about,
            content_type,
            schema,
            example: None,
        });
        self
    }

    /// An example of the last answer.
    pub(crate) fn example(mut self, example: serde_json::Value) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.example = Some(example);
        }
        self
    }

    /// Codes beyond those that every operation with its rights can give.
    pub(crate) fn fails(mut self, codes: &'static [Code]) -> Self {
        self.codes = codes;
        self
    }

    /// The group that the document shows it in.
    pub(crate) fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// There is a newer operation in its place.
    pub(crate) fn deprecated(mut self) -> Self {
        self.is_deprecated = true;
        self
    }

    /// The handler keeps idempotency keys itself.
    pub(crate) fn keeps_keys(mut self) -> Self {
        self.rules.keeps_keys = true;
        self
    }

    /// What a token of an application must be capable of. Where this is not said, one
    /// needs `ViewBase` to read, and to write every capability there is.
    pub(crate) fn asks(mut self, capability: Capability) -> Self {
        self.rules.capability = Some(capability);
        self
    }

    /// What a token of an application must be capable of, if it is one thing.
    pub(crate) fn capability(&self) -> Option<Capability> {
        let reads = self.method.is_safe().then_some(Capability::ViewBase);
        self.rules.capability.or(reads)
    }

    /// Its body may take so many bytes; few of its kind are read at one time.
    pub(crate) fn takes_large(mut self, limit: usize) -> Self {
        self.rules.large = Some(limit);
        self
    }

    /// The parameters of its query.
    pub(crate) fn params(&self) -> &'static [&'static dyn Parameter] {
        self.rules.params
    }

    /// Answers one request.
    pub(crate) fn handle(
        &self,
        shared: Arc<Shared>,
        request: Request,
    ) -> impl Future<Output = Response> + Send + use<> {
        let work = (self.handler)(shared, self.rules, request);
        edge::guarded(async move {
            work.await
                .map_or_else(IntoResponse::into_response, IntoResponse::into_response)
        })
    }
}

/// Reads a request in the order that gives nothing away: who asks, may they, and only
/// then what they want.
async fn perform<A, F, W>(
    shared: Arc<Shared>,
    rules: Rules,
    request: Request,
    handler: F,
) -> ApiResult<Answer>
where
    A: Access,
    F: Fn(Call<A>) -> W + Send,
    W: Future<Output = ApiResult<Answer>> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let (read, used) = {
        let admission = pin!(admit::<A>(&shared, rules, &mut parts));
        if rules.keeps_keys {
            Deadline::measure(admission).await
        } else {
            (Some(admission.await), Duration::ZERO)
        }
    };
    let read = match read.unwrap_or_else(|| Err(too_late())) {
        Ok(read) => read,
        Err(error) => {
            Box::pin(body::drain(&parts.headers, body)).await;
            return Err(error);
        }
    };
    let (path, access, query, idempotency) = read;
    // Held until the answer is made.
    let _permit = if rules.large.is_some() {
        let Ok(permit) = Arc::clone(&shared.large).try_acquire_owned() else {
            Box::pin(body::drain(&parts.headers, body)).await;
            return Err(busy());
        };
        Some(permit)
    } else {
        None
    };
    let body = if rules.reads_body {
        let limit = rules.large.unwrap_or(0).max(shared.settings.body_limit);
        body::read(&parts.headers, body, limit).await?
    } else {
        Bytes::new()
    };
    let (Some(header), Some(key), false) = (&idempotency, access.key(), rules.keeps_keys) else {
        return handler(Call {
            shared,
            access,
            path,
            query,
            body,
            deadline: Deadline::after(used),
            idempotency,
        })
        .await;
    };
    let (store, header) = (shared.store.clone(), header.clone());
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let seen = body.clone();
    let work = handler(Call {
        shared,
        access,
        path,
        query,
        body,
        deadline: Deadline::after(used),
        idempotency: None,
    });
    // Boxed: publishing, which is what is hot, does not come here.
    Box::pin(idempotency::once(
        store,
        header,
        key,
        target.to_owned(),
        seen,
        Box::pin(work),
    ))
    .await
}

fn busy() -> ApiError {
    let detail = "Too many large requests are under way: try again";
    ApiError::new(Code::RateLimited, detail).retry_after(Duration::from_secs(1))
}

/// What can be said of a request before its body is read.
async fn admit<A: Access>(
    shared: &Shared,
    rules: Rules,
    parts: &mut Parts,
) -> ApiResult<(Segments, A, Query, Option<IdempotencyHeader>)> {
    let path = segments(parts).await?;
    let request = AuthRequest {
        method: &parts.method,
        headers: &parts.headers,
        path: &path,
        capability: rules.capability,
    };
    let access = A::check(shared, request).await?;
    let query = Query::parse(parts.uri.query(), rules.params)?;
    let idempotency = idempotency_of(&parts.method, &parts.headers)?;
    Ok((path, access, query, idempotency))
}

fn idempotency_of(method: &Method, headers: &HeaderMap) -> ApiResult<Option<IdempotencyHeader>> {
    if method == Method::POST {
        IdempotencyHeader::read(headers)
    } else {
        Ok(None)
    }
}

async fn segments(parts: &mut Parts) -> ApiResult<Segments> {
    use axum::extract::FromRequestParts;
    let params = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|_| {
            ApiError::new(
                Code::Generic,
                "A segment of the path is not UTF-8 once percent-decoded: encode ids as UTF-8",
            )
        })?;
    // No name of ours holds a NUL, and PostgreSQL refuses to look for one.
    if params.iter().any(|(_, value)| value.contains('\0')) {
        return Err(ApiError::not_found("Entity not found"));
    }
    Ok(Segments(params))
}
