//! JSON Schemas, made from the types.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use crate::{Batch, Decision, DecisionLine, Landed, Plan, Release, Route, Task, TaskResult, Verdict};

/// Every line and section that has a schema, by the name that `plan-parse --schema NAME` takes.
pub const SCHEMA_NAMES: [&str; 10] =
    ["plan", "task", "route", "batch", "result", "verdict", "decisions", "landed", "decision", "release"];

/// The JSON Schema (2020-12) of the line or section `name`; `None` when there is none of that name.
///
/// A schema describes what our own tools write. Fields that it does not name are allowed everywhere:
/// they belong to somebody else.
pub fn schema(name: &str) -> Option<Schema> {
    Some(match name {
        "plan" => of::<Plan>(),
        "task" => with_sections(of::<Task>()),
        "route" => of::<Route>(),
        "batch" => of::<Batch>(),
        "result" => of::<TaskResult>(),
        "verdict" => of::<Verdict>(),
        "decisions" => of::<Vec<Decision>>(),
        "landed" => of::<Landed>(),
        "decision" => of::<DecisionLine>(),
        "release" => of::<Release>(),
        _ => return None,
    })
}

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// A task's line carries the sections of every tool that it has passed.
fn with_sections(mut task: Schema) -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let sections = [
        ("route", generator.subschema_for::<Route>()),
        ("batch", generator.subschema_for::<Batch>()),
        ("result", generator.subschema_for::<TaskResult>()),
        ("verdict", generator.subschema_for::<Verdict>()),
        ("decisions", generator.subschema_for::<Vec<Decision>>()),
        ("landed", generator.subschema_for::<Landed>()),
    ];
    if let Some(properties) = task.get_mut("properties").and_then(|value| value.as_object_mut()) {
        for (name, schema) in sections {
            properties.insert(name.to_owned(), schema.to_value());
        }
    }
    let definitions = generator.take_definitions(true);
    let object = task.ensure_object();
    let merged = object.entry("$defs").or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
    if let Some(merged) = merged.as_object_mut() {
        merged.extend(definitions);
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_schema_and_no_other() {
        for name in SCHEMA_NAMES {
            assert!(schema(name).is_some(), "{name}");
        }
        assert!(schema("other").is_none());
    }

    #[test]
    fn a_task_knows_its_sections() {
        let task = schema("task").unwrap();
        let text = serde_json::to_string(&task).unwrap();
        for section in ["route", "batch", "result", "verdict", "decisions", "landed"] {
            assert!(text.contains(&format!("\"{section}\":")), "{section} in {text}");
        }
    }
}
