//! The keys of the days, wrapped, and whose records these are.

use jiff::civil::Date;

use super::pool::Pool;
use super::sql::{Row, Statement};
use crate::ports::records::{DayKeyRow, RecordsError};

const CLAIM: Statement = Statement::new(
    "INSERT INTO installation (id, mark) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
);

const MARK: Statement = Statement::new("SELECT mark FROM installation WHERE id = 1");

const ALL: Statement = Statement::new("SELECT day, wrapped FROM day_keys ORDER BY day");

const ONE: Statement = Statement::new("SELECT day, wrapped FROM day_keys WHERE day = $1");

const OFFER: Statement = Statement::new(
    "INSERT INTO day_keys (day, wrapped) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING",
);

const DESTROY: Statement = Statement::new(
    "INSERT INTO day_keys (day, wrapped) VALUES ($1, $2) \
     ON CONFLICT (day) DO UPDATE SET wrapped = excluded.wrapped",
);

pub(super) async fn claim_installation(
    pool: &Pool,
    mark: Vec<u8>,
) -> Result<Vec<u8>, RecordsError> {
    if let Some(mut row) = pool.fetch(MARK).await?.into_iter().next() {
        return row.bytes();
    }
    let mut transaction = pool.write(&[]).await?;
    transaction.run(CLAIM.bind(mark)).await?;
    let mark = only(transaction.fetch(MARK).await?)?.bytes()?;
    transaction.commit().await?;
    Ok(mark)
}

pub(super) async fn all(pool: &Pool) -> Result<Vec<DayKeyRow>, RecordsError> {
    pool.fetch(ALL).await?.into_iter().map(day_key).collect()
}

pub(super) async fn offer(
    pool: &Pool,
    day: Date,
    wrapped: Vec<u8>,
) -> Result<DayKeyRow, RecordsError> {
    let day = day.to_string();
    let mut transaction = pool.write(&[]).await?;
    transaction.run(OFFER.bind(day.as_str()).bind(wrapped)).await?;
    let holds = day_key(only(transaction.fetch(ONE.bind(day)).await?)?)?;
    transaction.commit().await?;
    Ok(holds)
}

pub(super) async fn destroy(pool: &Pool, day: Date) -> Result<(), RecordsError> {
    let mut transaction = pool.write(&[]).await?;
    transaction.run(DESTROY.bind(day.to_string()).bind(None::<Vec<u8>>)).await?;
    transaction.commit().await
}

fn day_key(mut row: Row) -> Result<DayKeyRow, RecordsError> {
    let corrupt = || RecordsError::Corrupt("a key of what is no day".to_owned());
    let day = row.text()?.parse().map_err(|_| corrupt())?;
    Ok(DayKeyRow { day, wrapped: row.optional_bytes()? })
}

fn only(rows: Vec<Row>) -> Result<Row, RecordsError> {
    let missing = || RecordsError::Corrupt("a row that was just written is not there".to_owned());
    rows.into_iter().next().ok_or_else(missing)
}
