//! `POST /access/v1/search/subject`, `…/resource`, `…/action`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::PageProblem;
use super::answer::{FoundItem, PageAnswer, SearchAnswer, SearchContext};
use super::request::{SEARCH_RESULTS_MAX, SearchRequest, Sought};
use super::token::{PAGE_TOKEN_SECONDS, Token};
use crate::api::AppState;
use crate::api::answer::ErrorContext;
use crate::api::body::json_text;
use crate::api::caller::{Asking, CallerIdentity};
use crate::api::error::ApiError;
use crate::api::position::{Placed, Position};
use crate::engine::Searched;

/// Who may do this on that?
pub(in crate::api) async fn search_subject(
    state: State<Arc<AppState>>,
    caller: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    search(state, caller, headers, body, Sought::Subject).await
}

/// On what may somebody do this?
pub(in crate::api) async fn search_resource(
    state: State<Arc<AppState>>,
    caller: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    search(state, caller, headers, body, Sought::Resource).await
}

/// What may somebody do on that?
pub(in crate::api) async fn search_action(
    state: State<Arc<AppState>>,
    caller: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    search(state, caller, headers, body, Sought::Action).await
}

async fn search(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Bytes,
    sought: Sought,
) -> Result<Response, ApiError> {
    let text = json_text(&headers, &body)?;
    let request = SearchRequest::parse(text, sought)?;
    let position = Position::read(&headers)?;
    let search = Search {
        state: &state,
        query: request.digest(sought, caller.name()),
        sought,
        request,
    };
    let page = search.request.page.as_ref();
    match page.and_then(|page| page.token.as_ref()) {
        None => {
            let placed = position.place(&state, caller).await?;
            search.first(&placed, position.is_past())
        }
        Some(token) => search.next(token, &position, caller),
    }
}

/// A search under way.
struct Search<'a> {
    state: &'a Arc<AppState>,
    sought: Sought,
    request: SearchRequest<'a>,
    /// The digest of the question.
    query: [u8; 32],
}

/// What was found.
#[derive(Default)]
struct Results {
    /// What is told of it.
    ids: Vec<String>,
    /// How many were found.
    found: usize,
    /// Whether there are more than are told.
    more: bool,
    context: SearchContext,
}

/// Which part of the results is told, and of which state.
struct Part<'p> {
    placed: &'p Placed,
    past: bool,
    limit: u64,
    total: u64,
    /// What stood last on the page before.
    after: Option<String>,
}

impl Search<'_> {
    /// The first page: everything is looked for, so that it is known how much there
    /// is.
    fn first(&self, placed: &Placed, past: bool) -> Result<Response, ApiError> {
        placed.permits(&self.request.ask)?;
        let limit = self.request.page.as_ref().and_then(|page| page.limit);
        let limit = limit.unwrap_or(SEARCH_RESULTS_MAX).min(SEARCH_RESULTS_MAX);
        let results = self.look(placed, None, usize::MAX, size(limit));
        self.state.metrics().searched(self.sought, results.found);
        let part = Part {
            placed,
            past,
            limit,
            total: results.found as u64,
            after: None,
        };
        self.answer(part, results)
    }

    /// A page after the first, on the state of the first.
    fn next(
        &self,
        token: &str,
        position: &Position,
        caller: Arc<CallerIdentity>,
    ) -> Result<Response, ApiError> {
        let token = self
            .state
            .page_tokens()
            .open(token, self.state.point().now());
        let token = token.map_err(ApiError::Page)?;
        self.fits(&token, position).map_err(ApiError::Page)?;
        let gone = PageProblem::Evicted {
            revision: token.revision,
        };
        let held = self.state.pins().find(token.pin);
        let (point, past) = held.ok_or(ApiError::Page(gone))?;
        let now = Timestamp::from_second(token.now).map_err(|error| ApiError::Internal {
            detail: error.to_string(),
        })?;
        let state = Arc::clone(self.state);
        let placed = Placed {
            point,
            now,
            past: true,
            caller,
            state,
        };
        placed.permits(&self.request.ask)?;
        let limit = size(token.limit);
        let results = self.look(&placed, token.after.as_deref(), limit, limit);
        let part = Part {
            placed: &placed,
            past,
            limit: token.limit,
            total: token.total,
            after: token.after,
        };
        self.answer(part, results)
    }

    /// Whether a token is for this search.
    fn fits(&self, token: &Token, position: &Position) -> Result<(), PageProblem> {
        if token.query != self.query {
            return Err(PageProblem::OtherQuery);
        }
        let limit = self.request.page.as_ref().and_then(|page| page.limit);
        if limit.is_some_and(|limit| limit.min(SEARCH_RESULTS_MAX) != token.limit) {
            return Err(PageProblem::OtherLimit { limit: token.limit });
        }
        match position.conflict(token.revision, token.now) {
            None => Ok(()),
            Some(header) => Err(PageProblem::OtherState {
                revision: token.revision,
                header,
            }),
        }
    }

    /// Results after one of them: so many are looked for, and so many told.
    fn look(&self, placed: &Placed, after: Option<&str>, limit: usize, told: usize) -> Results {
        let ask = self.request.ask.clone();
        let searched = match self.sought {
            Sought::Subject => Searched::Principals,
            Sought::Resource => Searched::Resources,
            Sought::Action => {
                let names = placed.search_actions(&ask, after);
                return Results {
                    found: names.len(),
                    more: names.len() > told,
                    ids: names.into_iter().take(told).collect(),
                    context: SearchContext::default(),
                };
            }
        };
        let mut context = SearchContext::default();
        if self.request.explain {
            context.ignored = placed.point.ignored(ask.clone(), placed.now);
        }
        match placed.search(ask, searched, after, limit) {
            Ok(found) => {
                // The engine looks for one at least.
                let ids = found.entities.iter().take(told);
                Results {
                    found: found.entities.len(),
                    more: found.more_after.is_some() || found.entities.len() > told,
                    ids: ids.map(|uid| uid.id().unescaped().to_owned()).collect(),
                    context,
                }
            }
            Err(problem) => {
                // A name that the schema lacks is data: nothing is found.
                let wrong = Some(&problem).filter(|problem| !problem.is_unknown_name());
                context.error = wrong.map(ErrorContext::of);
                Results {
                    context,
                    ..Results::default()
                }
            }
        }
    }

    fn answer(&self, part: Part<'_>, results: Results) -> Result<Response, ApiError> {
        let Results {
            ids, more, context, ..
        } = results;
        let ty = match self.sought {
            Sought::Subject => &self.request.ask.principal.ty,
            Sought::Resource | Sought::Action => &self.request.ask.resource.ty,
        };
        let item = |id| match self.sought {
            Sought::Subject | Sought::Resource => FoundItem::Entity { ty, id },
            Sought::Action => FoundItem::Action { name: id },
        };
        let headers = part.placed.headers();
        let page = match more || self.request.page.is_some() {
            false => None,
            true => Some(PageAnswer {
                count: ids.len() as u64,
                total: part.total,
                next_token: match more {
                    true => self.token(part, ids.last())?,
                    false => String::new(),
                },
            }),
        };
        let answer = SearchAnswer {
            page,
            context,
            results: ids.iter().map(|id| item(id.as_str())).collect(),
        };
        Ok((headers, Json(answer)).into_response())
    }

    /// The token of the page after a part, whose last result is `last`.
    fn token(&self, part: Part<'_>, last: Option<&String>) -> Result<String, ApiError> {
        let now = self.state.point().now();
        let until = now.saturating_add(SignedDuration::from_secs(PAGE_TOKEN_SECONDS));
        let until = until.unwrap_or(Timestamp::MAX);
        let Placed {
            point, now: then, ..
        } = part.placed;
        let token = Token {
            pin: self.state.pins().hold(point, part.past, now, until),
            revision: point.snapshot().revision().0,
            now: then.as_second(),
            until: until.as_second(),
            limit: part.limit,
            total: part.total,
            query: self.query,
            after: last.cloned().or(part.after),
        };
        let sealed = self.state.page_tokens().seal(&token);
        sealed.ok_or_else(|| ApiError::Internal {
            detail: "the system had no randomness for the key of page tokens".to_owned(),
        })
    }
}

fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
