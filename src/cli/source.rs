//! What to decide on: the flags that every deciding command shares.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, data};
use crate::directory::{AzureRoles, Profile, World, world_file};
use crate::engine::{EntityData, parse_entities};
use crate::node::{Point, PolicyFiles, files, self_test};
use crate::policy::Bundle;

/// Either a world with one of the built-in profiles, or any schema and policies
/// (generic mode).
#[derive(Debug, Clone, Args)]
pub(super) struct SourceArgs {
    /// World file: the facts of delegated administration.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schema", "policies", "entities"])]
    pub(super) world: Option<PathBuf>,
    /// Which of the built-in policies apply: seed (if nothing says otherwise) or
    /// autopilot-announced.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["schema", "policies", "entities"])]
    pub(super) profile: Option<String>,
    /// Cedar schema (its own syntax, or JSON): generic mode.
    #[arg(long, value_name = "FILE", requires = "policies")]
    pub(super) schema: Option<PathBuf>,
    /// Cedar policies: a file, or a folder of `.cedar` files.
    #[arg(long, value_name = "PATH", requires = "schema")]
    pub(super) policies: Option<PathBuf>,
    /// Entities in Cedar's JSON form.
    #[arg(long, value_name = "FILE", requires = "schema")]
    pub(super) entities: Option<PathBuf>,
}

/// A data folder to decide on instead, now or as of a past moment.
#[derive(Debug, Clone, Args)]
pub(super) struct PastArgs {
    /// Data folder of a server, which may be running.
    #[arg(
        long,
        value_name = "DIR",
        group = "kept",
        conflicts_with_all = ["world", "schema", "profile"]
    )]
    data: Option<PathBuf>,
    /// Decide as of a revision or a time: 17, or 2020-09-01T09:00:00Z.
    #[arg(long, value_name = "REVISION|TIME", requires = "kept")]
    as_of: Option<String>,
}

impl PastArgs {
    /// The moment that is named, as it was written.
    #[must_use]
    pub(super) fn as_of(&self) -> Option<&str> {
        self.as_of.as_deref()
    }

    /// What to decide on, and the time of the moment that was named.
    ///
    /// # Errors
    /// [`Failure`]: nothing is named, or it cannot be loaded.
    pub(super) fn point(&self, source: &SourceArgs) -> Result<(Point, Option<Timestamp>), Failure> {
        match &self.data {
            Some(dir) => data::point_at(dir, self.as_of.as_deref()),
            None if source.is_given() => Ok((source.point()?, None)),
            None => Err(Failure::new(
                "nothing to decide on",
                "name a world (--world FILE), a data folder (--data DIR), a running server (--url URL), \
                 or a schema and policies (--schema FILE --policies PATH)",
            )),
        }
    }
}

impl SourceArgs {
    /// Loads what the flags name.
    ///
    /// # Errors
    /// [`Failure`]: a file that cannot be read or is refused, with its place.
    pub(super) fn point(&self) -> Result<Point, Failure> {
        if let (Some(schema), Some(policies)) = (&self.schema, &self.policies) {
            let schema = files::read_source(schema)?;
            let bundle = Arc::new(Bundle::new(&schema, &files::read_policies(policies)?)?);
            let entities = self.entities_of(&bundle)?;
            return Ok(Point::generic(bundle, entities)?);
        }
        let bundle = Arc::new(self.profile()?.bundle()?);
        self_test(&bundle)?;
        let roles = AzureRoles::of(&bundle);
        let (world, changes) = match &self.world {
            None => (World::new(roles), Vec::new()),
            Some(path) => world_file::load(&files::read_world(path)?, roles)?,
        };
        Ok(Point::directory(bundle, world, changes)?)
    }

    /// The entities that the flags name, none if they name none.
    ///
    /// # Errors
    /// [`Failure`]: a file that cannot be read, or entities that do not fit the schema.
    pub(super) fn entities_of(&self, bundle: &Bundle) -> Result<Vec<EntityData>, Failure> {
        Ok(match &self.entities {
            None => Vec::new(),
            Some(path) => parse_entities(&files::read_world(path)?.text, bundle.shape())?,
        })
    }

    /// Whether the flags name something to decide on.
    #[must_use]
    pub(super) fn is_given(&self) -> bool {
        self.world.is_some() || self.schema.is_some()
    }

    /// The files of a schema and policies of the user's own, if they name any.
    #[must_use]
    pub(super) fn files(&self) -> Option<PolicyFiles> {
        Some(PolicyFiles {
            schema: self.schema.clone()?,
            policies: self.policies.clone()?,
            entities: self.entities.clone(),
        })
    }

    /// The profile that decides: the one that the flags name, or `seed`.
    ///
    /// # Errors
    /// [`Failure`] if there is none of that name.
    pub(super) fn profile(&self) -> Result<Profile, Failure> {
        Ok(self.chosen_profile()?.unwrap_or(Profile::Seed))
    }

    /// The profile that the flags name, if they name one.
    ///
    /// # Errors
    /// [`Failure`] if there is none of that name.
    pub(super) fn chosen_profile(&self) -> Result<Option<Profile>, Failure> {
        let parsed = self.profile.as_ref().map(|name| name.parse());
        parsed.transpose().map_err(|message: String| {
            Failure::new(message, "choose one of the profiles there are")
        })
    }
}
