//! `--schema`: the JSON Schemas of the lines, generated from the types.

use stage::{Error, Exit, Sink};

/// Prints the schema of one line or section, or an object of all of them.
pub fn print(name: Option<&str>) -> Result<Exit, Error> {
    let text = if let Some(name) = name {
        let schema = record::schema(name).ok_or_else(|| {
            let names = record::SCHEMA_NAMES.join(", ");
            Error::Usage(format!("--schema {name}: there is no such schema; there are {names}"))
        })?;
        serde_json::to_string_pretty(&schema)
    } else {
        let all: serde_json::Map<String, serde_json::Value> = record::SCHEMA_NAMES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), record::schema(name)?.to_value())))
            .collect();
        serde_json::to_string_pretty(&all)
    };
    let text = text.map_err(|error| Error::Document(error.to_string()))?;
    let mut sink = Sink::stdout();
    sink.line(&text)?;
    sink.flush()?;
    Ok(Exit::Ok)
}
