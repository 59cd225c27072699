//! What a connection is told that there is no room for.
//!
//! It is accepted and told rather than left in the kernel's queue: a caller or a
//! balancer that hears 503 at once can go elsewhere, one in the queue cannot.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a request that are read away so that the answer arrives: closing a
/// socket with unread bytes takes back what was written.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The whole answer.
const ANSWER: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\n",
    "content-type: application/json\r\n",
    "retry-after: 1\r\n",
    "connection: close\r\n",
    "content-length: 111\r\n\r\n",
    r#"{"error":{"status":503,"code":"overloaded","message":"too many connections are open here; try again in 1 s"}}"#,
    "\r\n",
);

/// Says 503 and closes. Bounded in bytes; the caller bounds it in time.
pub(super) async fn turn_away<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    let told = async {
        io.write_all(ANSWER.as_bytes()).await?;
        io.shutdown().await?;
        let (mut read, mut scrap) = (0, [0; 4096]);
        while read < READ_BYTES_MAX {
            match io.read(&mut scrap).await? {
                0 => break,
                bytes => read += bytes,
            }
        }
        std::io::Result::Ok(())
    };
    // Whoever does not wait for the answer needs none.
    let _ = told.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
