use mainstay_adapters::model::{RecordedOutput, Recording};
use serde_json::Value;

use super::{MESSAGE, REPLAY, Reminder, Task, agent};

#[test]
fn the_shipped_data_has_one_right_reminder() {
    let task = Task::new(None).expect("the data is whole");
    let right = Reminder {
        invoice: "INV-3017".to_owned(),
        email: "accounts@thornbury.example".to_owned(),
        amount_eur: 492.0,
    };
    assert_eq!(task.right, right);
}

#[test]
fn every_invoice_can_be_the_overdue_one() {
    for variant in 0..36 {
        let task = Task::new(Some(variant)).expect("the data is whole");
        assert_eq!(task.right.invoice, format!("INV-{}", 3001 + variant));
        let overdue = task.invoices.iter().filter(|invoice| invoice["status"] == "overdue");
        assert_eq!(overdue.count(), 1);
    }
    assert!(Task::new(Some(36)).is_err());
}

#[test]
fn the_recorded_run_sends_the_right_reminder() {
    let recording: Recording = serde_json::from_str(REPLAY).expect("the recording is one");
    assert_eq!(recording.input, MESSAGE);
    let outputs = recording.replies.iter().flat_map(|reply| &reply.outputs);
    let sent: Vec<Reminder> = outputs
        .filter_map(|output| match output {
            RecordedOutput::ToolCall { name, arguments } if name == "send_reminder" => {
                Some(serde_json::from_str(arguments).expect("the arguments of a reminder"))
            }
            RecordedOutput::ToolCall { .. } | RecordedOutput::Message { .. } => None,
        })
        .collect();
    assert_eq!(sent, [Task::new(None).expect("the data is whole").right]);
}

#[test]
fn the_agent_is_pointed_at_the_service() {
    let agent = agent("some/model", "http://127.0.0.1:1");
    assert_eq!(agent["model"], "some/model");
    assert_eq!(agent["tools"][1]["server_url"], Value::from("http://127.0.0.1:1"));
    assert_eq!(agent["tools"][1]["type"], "openapi");
}
