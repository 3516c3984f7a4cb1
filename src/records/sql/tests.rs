use super::*;

const MANY: ManyRows = ManyRows { head: "INSERT INTO t (a, b) VALUES", tail: " ON CONFLICT DO" };

fn rows(count: i64) -> Vec<Vec<Value>> {
    (0..count).map(|index| vec![Value::from(index), Value::from("x")]).collect()
}

#[test]
fn each_value_of_each_row_has_its_place() {
    let statements = MANY.statements(rows(2));
    let expected = Statement {
        text: Cow::Borrowed("INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO"),
        values: vec![0.into(), "x".into(), 1.into(), "x".into()],
    };
    assert_eq!(statements, [expected]);
}

#[test]
fn no_rows_are_no_statement() {
    assert_eq!(MANY.statements(vec![]), []);
}

#[test]
fn many_rows_are_split_below_the_limit_on_placeholders() {
    let check = |count: i64, expect: &[usize]| {
        let statements = MANY.statements(rows(count));
        let sizes: Vec<usize> = statements.iter().map(|one| one.values.len()).collect();
        assert_eq!(sizes, expect, "{count} rows");
        let all: Vec<Value> = statements.into_iter().flat_map(|one| one.values).collect();
        assert_eq!(all, rows(count).concat());
    };
    check(8_000, &[16_000]);
    check(8_001, &[16_000, 2]);
    check(20_000, &[16_000, 16_000, 8_000]);
}

#[test]
fn pushed_text_takes_the_next_placeholder() {
    let mut statement = Statement::new("SELECT a FROM t WHERE a > $1").bind(5);
    assert!(statement.is_fixed());
    statement.push(" AND (b, c) < ($", "x");
    statement.push(", $)", Some(7));
    let expected = Statement {
        text: Cow::Borrowed("SELECT a FROM t WHERE a > $1 AND (b, c) < ($2, $3)"),
        values: vec![5.into(), "x".into(), Some(7).into()],
    };
    assert_eq!(statement, expected);
    assert!(!statement.is_fixed());
}

#[test]
fn a_row_of_another_shape_is_corrupt() {
    let row = || Row::new(vec![Cell::Text("a".to_owned()), Cell::Null, Cell::Integer(1)]);
    assert!(matches!(row().integer(), Err(RecordsError::Corrupt(_))));
    assert!(matches!(row().bytes(), Err(RecordsError::Corrupt(_))));
    let mut taken = row();
    assert_eq!(taken.text(), Ok("a".to_owned()));
    assert!(matches!(taken.text(), Err(RecordsError::Corrupt(_))));
    assert_eq!(taken.flag(), Ok(true));
    assert!(matches!(taken.integer(), Err(RecordsError::Corrupt(_))));
}
