//! What the server and the driver report, in our words.
//!
//! Neither a value nor a password is ever among them: of the server's messages those are left out that
//! may quote what it was given.

use sqlx::postgres::PgDatabaseError;

use crate::ports::records::RecordsError;

/// What a code of the server means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Unavailable,
    Busy,
    Refused,
    Corrupt,
}

/// The meaning of an SQLSTATE.
fn meaning(code: &str) -> Meaning {
    match code {
        // Two transactions met; a lock, a statement or a whole server without room in time.
        "40001" | "40P01" | "55P03" | "57014" | "53300" => Meaning::Busy,
        // Damaged data, a damaged index; tables or columns that are not ours.
        "XX001" | "XX002" | "42P01" | "42703" => Meaning::Corrupt,
        // A value that cannot be kept; a row set twice; a constraint.
        _ if ["22", "21", "23"].iter().any(|class| code.starts_with(class)) => Meaning::Refused,
        _ => Meaning::Unavailable,
    }
}

/// Whether the connection can go on after an error: the server has answered and did not hang up.
pub(super) fn is_sound_after(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(refusal) = error else { return false };
    let code = refusal.code().unwrap_or_default();
    // It shuts down, has given up on us, or takes no writes any more since another one does.
    let is_over = ["57P", "08"].iter().any(|class| code.starts_with(class))
        || ["25P03", "25006"].contains(&&*code);
    !is_over
}

/// Names an error.
pub(super) fn named(error: &sqlx::Error) -> RecordsError {
    let text = match error {
        sqlx::Error::Database(refusal) => match refusal.try_downcast_ref::<PgDatabaseError>() {
            Some(refusal) => return of_server(refusal),
            None => "the server refused".to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::ColumnDecode { index, .. } => {
            return RecordsError::Corrupt(format!("column {index} cannot be read"));
        }
        sqlx::Error::Decode(_) => {
            return RecordsError::Corrupt("a column cannot be read".to_owned());
        }
        sqlx::Error::Protocol(_) => "the server answered otherwise than Postgres does".to_owned(),
        _ => "the driver failed".to_owned(),
    };
    RecordsError::Unavailable(text)
}

fn of_server(refusal: &PgDatabaseError) -> RecordsError {
    let code = refusal.code();
    let meaning = meaning(code);
    let text = match (meaning, refusal.constraint()) {
        (Meaning::Refused, Some(constraint)) => format!("Postgres {code}: constraint {constraint}"),
        (Meaning::Refused, None) => format!("Postgres {code}"),
        _ => format!("Postgres {code}: {}", refusal.message()),
    };
    match meaning {
        Meaning::Unavailable => RecordsError::Unavailable(text),
        Meaning::Busy => RecordsError::Busy(text),
        Meaning::Refused => RecordsError::Refused(text),
        Meaning::Corrupt => RecordsError::Corrupt(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_means_something_for_whoever_asked() {
        let check = |codes: &[&str], expect: Meaning| {
            for code in codes {
                assert_eq!(meaning(code), expect, "{code}");
            }
        };
        check(
            &["08006", "57P01", "57P03", "28P01", "3D000", "25006", "53100"],
            Meaning::Unavailable,
        );
        check(&["40001", "40P01", "55P03", "57014", "53300"], Meaning::Busy);
        check(&["23505", "23514", "22021", "21000"], Meaning::Refused);
        check(&["XX001", "XX002", "42P01"], Meaning::Corrupt);
    }

    #[test]
    fn a_driver_that_lost_the_server_is_not_trusted_with_the_connection() {
        let broken = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert!(!is_sound_after(&broken));
        let text = "unexpected end of file";
        assert_eq!(named(&broken), RecordsError::Unavailable(text.to_owned()));
    }
}
