//! The options of the Access Request Service.

use std::path::PathBuf;

use super::super::Failure;
use crate::api::AccessRequests;

/// Where callers ask for what they were denied.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access requests")]
pub(super) struct AccessRequestArgs {
    /// The endpoint of an Access Request Service (https): a deny that a grant would lift
    /// names it, where a template offers the grant by `@access_request`.
    #[arg(long, value_name = "URL", requires_all = ["access_request_key", "public_url"])]
    access_request_endpoint: Option<String>,
    /// The private key that vouches for such denials: Ed25519 or P-256, PKCS #8 in PEM.
    /// Its public half is at /access/v1/jwks.
    #[arg(long, value_name = "FILE", requires = "access_request_endpoint")]
    access_request_key: Option<PathBuf>,
}

impl AccessRequestArgs {
    /// The service, if there is one.
    pub(super) fn service(&self) -> Result<Option<AccessRequests>, Failure> {
        let (Some(endpoint), Some(path)) =
            (&self.access_request_endpoint, &self.access_request_key)
        else {
            return Ok(None);
        };
        let key = std::fs::read(path).map_err(|error| {
            Failure::new(
                format!("`{}` cannot be read: {error}", path.display()),
                "give --access-request-key a file with a private key in PEM",
            )
        })?;
        let service = AccessRequests::new(endpoint, &key);
        service.map(Some).map_err(|error| {
            Failure::new(
                error.to_string(),
                "see --access-request-endpoint and --access-request-key in `aobo serve --help`",
            )
        })
    }
}
