//! `postrider config`.

use std::path::Path;

use serde_json::json;

use super::{Flags, aligned};
use crate::cli::{ConfigArgs, ConfigFormat};
use crate::error::CommandError;
use crate::output;
use crate::settings::Row;

pub(super) fn run(args: &ConfigArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let rows = super::settings(Flags::new(), config)?.rows;
    let text = match args.format {
        ConfigFormat::Table => table(&rows),
        ConfigFormat::Json => json(&rows),
    };
    Ok(output::print(&text)?)
}

fn table(rows: &[Row]) -> String {
    let mut cells = vec![["setting", "value", "from", "default"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        [
            row.setting.env(),
            row.value.clone().unwrap_or_else(|| "(unset)".to_owned()),
            row.origin.to_string(),
            row.setting.default_text().to_owned(),
        ]
    }));
    aligned(&cells)
}

fn json(rows: &[Row]) -> String {
    let objects: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.setting.env(),
                "key": row.setting.key(),
                "flag": row.setting.flag,
                "value": row.value,
                "default": row.setting.default,
                "origin": row.origin.to_string(),
                "allowed": row.setting.allowed,
                "meaning": row.setting.meaning,
                "secret": row.setting.secret,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(objects))
}
