//! Why a search cannot be continued. The next step is always the same: begin it
//! again, without a token.

/// A page token that does not lead to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::api) enum PageProblem {
    /// Not a token of this server, or changed on the way.
    #[error("`page.token` is not a token of this server; begin the search again without it")]
    Forged,
    /// Older than a token gets.
    #[error("`page.token` has expired; begin the search again without it")]
    Expired,
    /// A token of another search.
    #[error(
        "`page.token` belongs to another search; between pages subject, action, resource and \
         context stay as they were"
    )]
    OtherQuery,
    /// The page size was changed on the way.
    #[error("`page.limit` must be {limit}, as on the page before, or left out")]
    OtherLimit {
        /// As the token says.
        limit: u64,
    },
    /// A header asks for another state than the token's.
    #[error(
        "`page.token` continues a search at revision {revision}, and `{header}` asks for \
         another; leave the header out, or begin the search again"
    )]
    OtherState {
        /// The token's.
        revision: u64,
        /// `Aobo-As-Of` or `Aobo-At-Least`.
        header: &'static str,
    },
    /// The state is no longer held.
    #[error(
        "the state at revision {revision} is no longer held for pages, because too many other \
         searches came after; begin the search again without `page.token`"
    )]
    Evicted {
        /// The token's.
        revision: u64,
    },
}

impl PageProblem {
    /// A word that a client can act on.
    pub(in crate::api) fn code(self) -> &'static str {
        match self {
            Self::Forged => "page-token-invalid",
            Self::Expired => "page-token-expired",
            Self::OtherQuery | Self::OtherLimit { .. } | Self::OtherState { .. } => {
                "page-query-changed"
            }
            Self::Evicted { .. } => "page-state-gone",
        }
    }
}
