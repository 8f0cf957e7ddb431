//! Why a call got no answer. No text of a server gets in here.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::SdkError;

/// Why a call got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// No connection, or one that broke.
    Unreachable { problem: String },
    /// It took the connection and gave no answer in time.
    TimedOut,
    /// The standard chain has none.
    NoCredentials,
    /// The request could not be made.
    Request,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { problem } => write!(f, "it can't be reached: {problem}"),
            Self::TimedOut => f.write_str("it gave no answer in time"),
            Self::NoCredentials => f.write_str("no credentials were found"),
            Self::Request => f.write_str("the request could not be made"),
        }
    }
}

/// What the SDK says of a call without an answer, in our words.
pub fn unanswered<E>(error: &SdkError<E, HttpResponse>) -> Unanswered {
    match error {
        SdkError::TimeoutError(_) => Unanswered::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Unanswered::TimedOut,
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(connector) if is_credentials(connector) => Unanswered::NoCredentials,
            Some(connector) if connector.is_user() => Unanswered::Request,
            Some(connector) => Unanswered::Unreachable { problem: innermost(connector) },
            None => Unanswered::Unreachable { problem: "no connection".to_owned() },
        },
        _ => Unanswered::Request,
    }
}

fn is_credentials(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| error.is::<CredentialsError>() || error.to_string().contains("no identity"))
}

/// The last of the causes: what the system or the TLS library says. None of them holds what was sent.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map_or_else(String::new, |error| error.to_string().chars().take(200).collect())
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| <dyn StdError>::source(*error))
}
