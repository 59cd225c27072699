//! What a deny says that a grant would lift.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::Serializer;

use super::OFFER_SECONDS;
use crate::api::position::Placed;
use crate::engine::Member;
use crate::engine::intake::{Ask, DECIDERS, Party};
use crate::node::Grant;

/// A request for access that would be taken. Source: the profile, "Requestable
/// Denial Context".
#[derive(Debug, Serialize)]
pub(in crate::api) struct Offer {
    endpoint: String,
    template: String,
    expires_at: Timestamp,
    binding_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<Display>,
    #[serde(skip)]
    evaluation_id: String,
}

#[derive(Debug, Serialize)]
struct Display {
    description: String,
}

/// The claims of a binding token, in the profile's inline form. Source: the profile,
/// "Binding Token Integrity".
#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    evaluation_id: &'a str,
    denial_expires_at: Timestamp,
    binding_context_members: Vec<&'a str>,
    subject: PartyClaim<'a>,
    action: ActionClaim<'a>,
    resource: PartyClaim<'a>,
    context: Members<'a>,
}

#[derive(Serialize)]
struct PartyClaim<'a> {
    r#type: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Members::is_empty")]
    properties: Members<'a>,
}

#[derive(Serialize)]
struct ActionClaim<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Members::is_empty")]
    properties: Members<'a>,
}

/// Members of an object, as the caller sent them.
struct Members<'a>(Vec<&'a Member<'a>>);

/// The property of a subject that names who acts for it, which a caller may move
/// elsewhere. Source: the profile, "Binding Token Integrity".
const ACTOR: &str = "act";

impl Offer {
    /// The name of the evaluation that was denied.
    pub(in crate::api) fn evaluation_id(&self) -> &str {
        &self.evaluation_id
    }
}

impl Placed {
    /// What the caller of a question that was denied could ask for: nothing about the
    /// past, where no grant can be made, and nothing for a deny that a grant would not
    /// lift.
    pub(in crate::api) fn offer(&self, ask: &Ask<'_>) -> Option<Offer> {
        let requests = self.state.access_requests().filter(|_| !self.past)?;
        let issuer = self.state.public_url()?.to_string();
        let grant = self.point.grant_for(ask.clone(), self.now)?;
        // In whole seconds, as the token has it.
        let now = self.now.as_second();
        let expires_at = Timestamp::from_second(now + OFFER_SECONDS).ok()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let evaluation_id = format!("{:032x}", u128::from_ne_bytes(random));
        let reads = requests.reads.of(&self.point);
        let read = |member: &&Member<'_>| {
            !DECIDERS.contains(&&*member.name) && reads.context_key(&member.name)
        };
        let context: Vec<&Member<'_>> = ask.context.iter().filter(read).collect();
        let claims = Claims {
            iss: issuer,
            aud: requests.endpoint(),
            iat: now,
            exp: expires_at.as_second(),
            jti: &evaluation_id,
            evaluation_id: &evaluation_id,
            denial_expires_at: expires_at,
            binding_context_members: context.iter().map(|member| &*member.name).collect(),
            subject: PartyClaim::of(&ask.principal, |member| member.name != ACTOR),
            action: ActionClaim {
                name: &ask.action,
                properties: Members(ask.action_properties.iter().collect()),
            },
            resource: PartyClaim::of(&ask.resource, |_| true),
            context: Members(context),
        };
        let Grant {
            workflow, gives, ..
        } = grant;
        Some(Offer {
            endpoint: requests.endpoint().to_owned(),
            template: workflow,
            expires_at,
            binding_token: requests.signer.sign(&claims)?,
            display: gives.map(|description| Display { description }),
            evaluation_id,
        })
    }
}

impl<'a> PartyClaim<'a> {
    fn of(party: &'a Party<'a>, kept: impl Fn(&Member<'_>) -> bool) -> Self {
        Self {
            r#type: &party.ty,
            id: &party.id,
            properties: Members(
                party
                    .properties
                    .iter()
                    .filter(|member| kept(member))
                    .collect(),
            ),
        }
    }
}

impl Members<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|member| (&member.name, &member.value)))
    }
}
