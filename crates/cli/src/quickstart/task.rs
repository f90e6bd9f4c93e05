//! The task: the data, the agent, and what is right.
//!
//! Invariant: what is right is worked out from the data, not written down beside it.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

const CUSTOMERS: &str = include_str!("../../../../examples/receivables/data/customers.csv");
const ORDERS: &str = include_str!("../../../../examples/receivables/data/orders.jsonl");
const INVOICES: &str = include_str!("../../../../examples/receivables/data/invoices.jsonl");
const AGENT: &str = include_str!("../../../../examples/receivables/agent.json");
/// A recorded run of this task.
pub(super) const REPLAY: &str = include_str!("../../../../examples/receivables/replay.json");

/// What the user says.
pub(super) const MESSAGE: &str = "One invoice is overdue. Find out who owes us how much for what, \
    and send that customer one reminder.";

/// What the user says when the agent rested before it did what it was asked.
pub(super) const NUDGE: &str = "You have not sent the reminder yet. Go on with the next step.";

/// The task with its data.
pub(super) struct Task {
    invoices: Vec<Value>,
    /// What the reminder must say.
    pub(super) right: Reminder,
}

/// A reminder.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reminder {
    pub(super) invoice: String,
    pub(super) email: String,
    pub(super) amount_eur: f64,
}

impl Task {
    /// The task of the shipped data, or with another of its invoices as the one that is overdue.
    pub(super) fn new(variant: Option<usize>) -> anyhow::Result<Self> {
        let mut invoices = lines(INVOICES)?;
        if let Some(variant) = variant {
            choose(&mut invoices, variant)?;
        }
        let overdue = invoices.iter().find(|invoice| invoice["status"] == "overdue");
        let overdue = overdue.context("no invoice is overdue")?;
        let orders = lines(ORDERS)?;
        let order = orders.iter().find(|order| order["order"] == overdue["order"]);
        let order = order.context("the overdue invoice has no order")?;
        let right = Reminder {
            invoice: text(&overdue["invoice"]),
            email: email(&text(&overdue["customer"]))?,
            amount_eur: order["total_eur"].as_f64().context("an order has no total")?,
        };
        Ok(Self { invoices, right })
    }

    /// Writes the data into a folder.
    pub(super) fn write_files(&self, folder: &Path) -> anyhow::Result<()> {
        let invoices: String = self.invoices.iter().map(|invoice| format!("{invoice}\n")).collect();
        fs::create_dir_all(folder)?;
        let files =
            [("customers.csv", CUSTOMERS), ("orders.jsonl", ORDERS), ("invoices.jsonl", &invoices)];
        for (name, content) in files {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The agent, with this model and the billing service at this URL.
pub(super) fn agent(model: &str, billing_url: &str) -> Value {
    let mut agent: Value = serde_json::from_str(AGENT).expect("the shipped agent is JSON");
    agent["model"] = json!(model);
    agent["tools"][1]["server_url"] = json!(billing_url);
    agent
}

/// Makes another invoice the one that is overdue.
fn choose(invoices: &mut [Value], variant: usize) -> anyhow::Result<()> {
    ensure!(variant < invoices.len(), "there are {} invoices", invoices.len());
    for invoice in invoices.iter_mut().filter(|invoice| invoice["status"] == "overdue") {
        invoice["status"] = json!("paid");
    }
    invoices[variant]["status"] = json!("overdue");
    Ok(())
}

fn email(customer: &str) -> anyhow::Result<String> {
    let mut rows = CUSTOMERS.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&customer));
    let email = row.and_then(|row| row.get(2).copied());
    Ok(email.with_context(|| format!("customer {customer} has no email"))?.to_owned())
}

fn lines(text: &str) -> anyhow::Result<Vec<Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
