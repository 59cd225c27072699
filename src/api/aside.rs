//! Long work, where it holds up nobody.
//!
//! A large batch or a search takes as long as it takes; on a thread that also
//! reads sockets it would hold up every caller behind it.

use super::error::ApiError;

/// Runs work on a thread of its own and waits for it.
///
/// # Errors
/// Its own, and [`ApiError::Internal`] if it panics.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(ApiError::Internal {
            detail: error.to_string(),
        })
    })
}
