//! Searches by a running server: pages of AuthZEN's search, one after the other.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::Failure;
use super::ask::context_json;
use super::remote::Remote;
use super::search::{PageArgs, Results};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Searched, uid};

/// Results of one page, at most, as they are asked for. Our choice.
const PAGE_MAX: usize = 1_000;

/// Shape: `{"results": [{"type", "id"}…], "page": {"next_token": "…"}}`. Source:
/// AuthZEN 1.0, "Search APIs".
#[derive(Deserialize)]
struct Found<T> {
    results: Vec<T>,
    #[serde(default)]
    page: NextPage,
}

#[derive(Default, Deserialize)]
struct NextPage {
    /// Empty or absent on the last page.
    #[serde(default)]
    next_token: String,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    ty: String,
    id: String,
}

#[derive(Deserialize)]
struct Action {
    name: String,
}

/// Principals or resources, of one type.
///
/// # Errors
/// [`Failure`]: no type is named, or what came is no answer.
pub(super) fn entities(
    server: &Remote,
    ask: &Ask<'_>,
    context: &str,
    searched: Searched,
    page: &PageArgs,
) -> Result<Results, Failure> {
    let Some(ty) = &page.ty else {
        return Err(Failure::new(
            "a server is asked about one type of entities",
            "name it with --type",
        ));
    };
    let of_type = json!({ "type": ty });
    let (path, subject, resource) = match searched {
        Searched::Resources => ("/access/v1/search/resource", party(&ask.principal), of_type),
        Searched::Principals => ("/access/v1/search/subject", of_type, party(&ask.resource)),
    };
    let mut body = Map::new();
    body.insert("subject".to_owned(), subject);
    body.insert("action".to_owned(), json!({ "name": ask.action }));
    body.insert("resource".to_owned(), resource);
    body.insert("context".to_owned(), context_json(context));
    let limit = page.limit.unwrap_or(usize::MAX);
    let (found, more): (Vec<Entity>, _) = pages(server, path, body, limit)?;
    let entities = found.iter().map(|entity| uid(&entity.ty, &entity.id));
    let entities: Vec<_> = entities
        .collect::<Result<_, _>>()
        .map_err(|error| server.no_answer(&error.to_string()))?;
    Ok(Results {
        more_after: more.then(|| entities.last().cloned()).flatten(),
        entities,
    })
}

/// Names of actions.
///
/// # Errors
/// [`Failure`] if what came is no answer.
pub(super) fn actions(
    server: &Remote,
    ask: &Ask<'_>,
    context: &str,
) -> Result<Vec<String>, Failure> {
    let mut body = Map::new();
    body.insert("subject".to_owned(), party(&ask.principal));
    body.insert("resource".to_owned(), party(&ask.resource));
    body.insert("context".to_owned(), context_json(context));
    let path = "/access/v1/search/action";
    let (found, _): (Vec<Action>, _) = pages(server, path, body, usize::MAX)?;
    Ok(found.into_iter().map(|action| action.name).collect())
}

/// The results of all pages up to a limit, and whether there are more.
fn pages<T: for<'de> Deserialize<'de>>(
    server: &Remote,
    path: &str,
    mut body: Map<String, Json>,
    limit: usize,
) -> Result<(Vec<T>, bool), Failure> {
    let mut results: Vec<T> = Vec::new();
    let mut token = String::new();
    loop {
        let wanted = limit.saturating_sub(results.len()).min(PAGE_MAX);
        if wanted == 0 {
            return Ok((results, !token.is_empty()));
        }
        let page = match token.as_str() {
            "" => json!({ "limit": wanted }),
            token => json!({ "limit": wanted, "token": token }),
        };
        body.insert("page".to_owned(), page);
        let reply = server.ask(path, &Json::Object(body.clone()))?;
        let found: Found<T> = serde_json::from_value(reply.json)
            .map_err(|error| server.no_answer(&error.to_string()))?;
        results.extend(found.results);
        let next = found.page.next_token;
        if next.is_empty() {
            return Ok((results, false));
        }
        if next == token {
            return Err(server.no_answer("it gives the same page again and again"));
        }
        token = next;
    }
}

fn party(party: &Party<'_>) -> Json {
    json!({ "type": party.ty, "id": party.id })
}
