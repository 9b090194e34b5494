//! Tables: numeric columns and one label column.

use std::io::Read;
use std::path::Path;

use cbp_numerics::Shape;
use csv::{Position, ReaderBuilder, StringRecord, Trim};

use super::{Format, LabelColumn, Opened, ReadOptions, TableOptions, classes_of, unpacked};
use crate::{Classes, Content, DataError, Samples};

/// Names of label columns that are known without being stated.
const USUAL_NAMES: [&str; 4] = ["label", "labels", "class", "target"];

/// Reads a table, plain or gzip, as a training set of vectors. Spaces around cells and empty lines do not count.
///
/// Labels that are whole numbers from 0 without gaps are the classes themselves. Any other labels are names: sorted, by
/// value if all are whole numbers, they are numbered from 0, and [`Classes::names`] holds them. If the number of classes
/// is stated, labels must be whole numbers below it.
///
/// # Errors
/// [`DataError::Missing`], [`DataError::Io`] or [`DataError::Table`]; [`DataError::Ragged`],
/// [`DataError::NotNumber`] and [`DataError::NotFinite`], which name line and column; [`DataError::NoColumn`];
/// [`DataError::Label`]; [`DataError::Empty`].
pub fn load(path: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let mut lines = lines(path, &options.table)?;
    let mut label_column = label_column(path, &options.table, &lines[0])?;
    let is_named = matches!(options.table.label, LabelColumn::Name(_));
    if options.table.header.unwrap_or_else(|| is_named || is_header(&lines[0].1, label_column)) {
        let (_, names) = lines.remove(0);
        if options.table.label == LabelColumn::Usual {
            label_column = usual_label_column(&names).unwrap_or(label_column);
        }
    }
    let Some((_, first)) = lines.first() else { return Err(DataError::Empty { path: path.into() }) };
    if first.len() < 2 {
        return Err(DataError::NoColumn {
            path: path.into(),
            column: "of numbers beside the label".into(),
            found: "one column; state another delimiter".into(),
        });
    }
    let shape = Shape::vector(first.len() - 1);
    let mut values = Vec::with_capacity(lines.len() * shape.channels);
    for (line, cells) in &lines {
        for (column, cell) in cells.iter().enumerate().filter(|(column, _)| *column != label_column) {
            values.push(number(path, *line, column, cell)?);
        }
    }
    for (line, cells) in &lines {
        check_label(path, *line, label_column, &cells[label_column])?;
    }
    let texts: Vec<&str> = lines.iter().map(|(_, cells)| &cells[label_column]).collect();
    let (labels, classes) = match options.classes {
        Some(classes) => {
            let labels = lines.iter().zip(&texts).map(|((line, _), text)| {
                let (line, column, text) = (*line, label_column + 1, (*text).to_owned());
                text.parse().map_err(|_| DataError::NotNumber { path: path.into(), line, column, text })
            });
            (labels.collect::<Result<_, _>>()?, Classes::numbered(classes))
        }
        None => classes(path, &texts),
    };
    let train = Samples::from_file(path, Content::Floats { shape, values }, labels, classes)?;
    Ok(Opened { format: Format::Csv, train, test: None })
}

/// All lines that are not empty, with their numbers from 1; at least one, and all of the same length.
fn lines(path: &Path, options: &TableOptions) -> Result<Vec<(u64, StringRecord)>, DataError> {
    let mut bytes = Vec::new();
    let read = unpacked(path)?.read_to_end(&mut bytes);
    read.map_err(|source| DataError::Io { path: path.into(), source })?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(options.delimiter.unwrap_or(b','))
        .from_reader(bytes.as_slice());
    let mut lines: Vec<(u64, StringRecord)> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|source| DataError::Table { path: path.into(), source })?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, |position| line_after_gap(&bytes, position));
        let expected = lines.first().map_or(record.len(), |(_, first)| first.len());
        if record.len() != expected {
            return Err(DataError::Ragged { path: path.into(), line, found: record.len(), expected });
        }
        lines.push((line, record));
    }
    if lines.is_empty() { Err(DataError::Empty { path: path.into() }) } else { Ok(lines) }
}

/// The line that a record is in. A record begins where the one before ended, though empty lines may follow there.
fn line_after_gap(bytes: &[u8], position: &Position) -> u64 {
    let rest = bytes.get(position.byte() as usize..).unwrap_or_default();
    let gap = rest.iter().take_while(|byte| b"\r\n".contains(byte));
    position.line() + gap.filter(|byte| **byte == b'\n').count() as u64
}

fn label_column(
    path: &Path,
    options: &TableOptions,
    (_, first): &(u64, StringRecord),
) -> Result<usize, DataError> {
    let (found, column) = match &options.label {
        LabelColumn::Usual => return Ok(first.len() - 1),
        LabelColumn::Index(index) => (Some(*index).filter(|&index| index < first.len()), index.to_string()),
        LabelColumn::Name(name) => (first.iter().position(|cell| cell == name), format!("{name:?}")),
    };
    found.ok_or_else(|| DataError::NoColumn {
        path: path.into(),
        column,
        found: match options.label {
            LabelColumn::Name(_) => first.iter().collect::<Vec<_>>().join(", "),
            _ => format!("columns 0 to {}", first.len() - 1),
        },
    })
}

/// The column that a header calls by a usual name; of several the last.
fn usual_label_column(names: &StringRecord) -> Option<usize> {
    let is_usual = |name: &str| USUAL_NAMES.iter().any(|usual| name.eq_ignore_ascii_case(usual));
    (0..names.len()).rev().find(|&column| names.get(column).is_some_and(is_usual))
}

fn is_header(first: &StringRecord, label_column: usize) -> bool {
    let mut features = first.iter().enumerate().filter(|(column, _)| *column != label_column);
    features.any(|(_, cell)| cell.parse::<f64>().is_err())
}

fn number(path: &Path, line: u64, column: usize, cell: &str) -> Result<f32, DataError> {
    let column = column + 1;
    match cell.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(value) => {
            let value = cell.parse().unwrap_or(f64::from(value));
            let position = format!("line {line}, column {column}");
            Err(DataError::NotFinite { path: path.into(), position, value })
        }
        Err(_) => Err(DataError::NotNumber { path: path.into(), line, column, text: cell.into() }),
    }
}

/// Refuses labels that stand for a missing value.
fn check_label(path: &Path, line: u64, column: usize, cell: &str) -> Result<(), DataError> {
    match cell.parse::<f64>() {
        Ok(value) if !value.is_finite() => number(path, line, column, cell).map(drop),
        _ if cell.is_empty() => number(path, line, column, cell).map(drop),
        _ => Ok(()),
    }
}

/// Labels and classes as [`load`] says.
fn classes(path: &Path, texts: &[&str]) -> (Vec<u32>, Classes) {
    let numbers: Result<Vec<i64>, _> = texts.iter().map(|text| text.parse::<i64>()).collect();
    let by_value = numbers.is_ok();
    if let Ok(numbers) = numbers
        && let Ok(labels) = numbers.into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>()
        && let Ok(classes) = classes_of(path, &labels, None)
    {
        return (labels, classes);
    }
    let key = |text: &str| (if by_value { text.parse().unwrap_or(0_i64) } else { 0 }, text.to_owned());
    let mut names: Vec<_> = texts.iter().map(|text| key(text)).collect();
    names.sort_unstable();
    names.dedup();
    let label = |text: &&str| names.binary_search(&key(text)).unwrap_or_default() as u32;
    let labels = texts.iter().map(label).collect();
    (labels, Classes::named(names.into_iter().map(|(_, name)| name).collect()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, options: &ReadOptions) -> Result<Samples, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, options).map(|opened| opened.train)
    }

    fn floats(samples: &Samples) -> &[f32] {
        let Content::Floats { values, .. } = samples.content() else { panic!("not floats") };
        values
    }

    fn with_table(table: TableOptions) -> ReadOptions {
        ReadOptions { table, ..ReadOptions::default() }
    }

    #[test]
    fn spaces_quotes_headers_and_line_ends_do_not_matter() {
        let text = "Recency (months),Time (months),\"whether, 2007\"\r\n2 ,98 ,1\r\n\r\n 0 , 2.8e1,0\r\n";
        let samples = read(text, &ReadOptions::default()).unwrap();
        assert_eq!(floats(&samples), [2.0, 98.0, 0.0, 28.0]);
        assert_eq!(samples.labels(), [1, 0]);
        assert_eq!((samples.shape(), samples.classes()), (Some(Shape::vector(2)), &Classes::numbered(2)));
        let table = TableOptions { header: Some(true), ..TableOptions::default() };
        assert_eq!(read("5,0\n1,0\n2,1\n", &with_table(table)).unwrap().len(), 2);
    }

    #[test]
    fn a_header_names_the_column_of_labels() {
        for (text, rows, labels) in [
            ("label,a,b\n1,2,3\n0,4,5", [2.0, 3.0, 4.0, 5.0], [1, 0]),
            ("a,Class,b\n2,1,3\n4,0,5", [2.0, 3.0, 4.0, 5.0], [1, 0]),
            ("a,b,c\n2,3,1\n4,5,0", [2.0, 3.0, 4.0, 5.0], [1, 0]),
            ("target,a,label\n2,3,1\n4,5,0", [2.0, 3.0, 4.0, 5.0], [1, 0]),
        ] {
            let samples = read(text, &ReadOptions::default()).unwrap();
            assert_eq!((floats(&samples), samples.labels()), (&rows[..], &labels[..]), "{text}");
        }
        let table = TableOptions { label: LabelColumn::Index(2), ..TableOptions::default() };
        assert_eq!(floats(&read("label,a,b\n1,2,0", &with_table(table)).unwrap()), [1.0, 2.0]);
    }

    #[test]
    fn the_label_is_a_column_by_place_or_name_and_may_be_a_word() {
        let text = "kind;a;b\nversicolor;1;2\nsetosa;3;4\nversicolor;5;6";
        for label in [LabelColumn::Index(0), LabelColumn::Name("kind".into())] {
            let table = TableOptions { label, delimiter: Some(b';'), ..TableOptions::default() };
            let samples = read(text, &with_table(table)).unwrap();
            assert_eq!(floats(&samples), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(samples.labels(), [1, 0, 1]);
            assert_eq!(samples.classes().names().unwrap(), ["setosa", "versicolor"]);
        }
        let table = TableOptions { label: LabelColumn::Name("2".into()), ..TableOptions::default() };
        assert_eq!(read("1,2\n5,0\n", &with_table(table)).unwrap().len(), 1);
        let numbers = read("0,10\n0,9\n0,-1\n", &ReadOptions::default()).unwrap();
        assert_eq!(numbers.labels(), [2, 1, 0]);
        assert_eq!(numbers.classes().names().unwrap(), ["-1", "9", "10"]);
    }

    #[test]
    fn faults_name_line_and_column() {
        let last = ReadOptions::default();
        let stated = ReadOptions { classes: Some(2), ..ReadOptions::default() };
        let name =
            with_table(TableOptions { label: LabelColumn::Name("z".into()), ..TableOptions::default() });
        let index = with_table(TableOptions { label: LabelColumn::Index(3), ..TableOptions::default() });
        for (text, options, expected) in [
            ("1,2,0\n3,,1\n", &last, "line 2, column 2 is \"\", not a number"),
            ("1,2,0\n3,x,1\n", &last, "line 2, column 2 is \"x\", not a number"),
            ("a,b,c\n3,4,0\n\n3,NaN,1\n", &last, "line 4, column 2 is NaN, not a finite number"),
            ("1,2,0\n-inf,4,1\n", &last, "line 2, column 1 is -inf, not a finite number"),
            ("1,1e39,0\n", &last, "line 1, column 2 is 1"),
            ("1,2,0\n3,4\n", &last, "line 2 has 2 cells, the first line 3"),
            ("1,2,0\n3,4,\n", &last, "line 2, column 3 is \"\", not a number"),
            ("1,2,0\n3,4,2\n", &stated, "label 1 is 2, expected 0 to 1"),
            ("1,2,0\n3,4,yes\n", &stated, "line 2, column 3 is \"yes\", not a number"),
            ("a,b,c\n3,4,2\n", &name, "has no column \"z\"; it has a, b, c"),
            ("3,4,2\n", &index, "has no column 3; it has columns 0 to 2"),
            ("3;4;2\n", &last, "has no column of numbers beside the label; it has one column; state another"),
            ("1,2,0\n3,4,nan\n", &last, "line 2, column 3 is NaN, not a finite number"),
            ("a,b\n", &last, "holds no images or rows"),
            ("\n\n", &last, "holds no images or rows"),
        ] {
            let message = read(text, options).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{text:?}: {message}");
            assert!(message.contains("table.csv: ") && message.contains("; "), "{message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec((prop::array::uniform3(-1e30_f32..1e30), 0_u32..4), 1..20),
            header: bool,
            spaces in 0_usize..3,
        ) {
            let pad = " ".repeat(spaces);
            let mut text = if header { "a,b,c,label\n".to_owned() } else { String::new() };
            for ([a, b, c], label) in &rows {
                writeln!(text, "{a:e}{pad},{pad}{b},{c}{pad},{pad}{label}").unwrap();
            }
            let samples = read(&text, &ReadOptions { classes: Some(4), ..ReadOptions::default() }).unwrap();
            prop_assert_eq!(floats(&samples), rows.iter().flat_map(|(row, _)| *row).collect::<Vec<_>>());
            prop_assert!(rows.iter().map(|(_, label)| label).eq(samples.labels()));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9a,\"; \n.é-]{0,60}") {
            let _ = read(&text, &ReadOptions::default());
        }
    }
}
