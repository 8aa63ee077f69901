//! A place of its own for each test on a PostgreSQL server: a schema that is there for one test.
//! Never part of what ships.

use crate::OpenError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The environment variable with the URL of a PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "COUNTERSIGN_TEST_POSTGRES";

/// Makes a schema on the server, and gives the URL of a store in it. The name is of lower-case
/// letters, digits and underscores.
///
/// # Errors
/// [`OpenError::Unreachable`].
pub async fn fresh_schema(server: &str, name: &str) -> Result<String, OpenError> {
    let mut connection = PgConnection::connect(server).await.map_err(OpenError::Unreachable)?;
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {name}")))
        .execute(&mut connection)
        .await
        .map_err(OpenError::Unreachable)?;
    connection.close().await.map_err(OpenError::Unreachable)?;
    let joint = if server.contains('?') { '&' } else { '?' };
    Ok(format!("{server}{joint}options=-csearch_path%3D{name}"))
}
