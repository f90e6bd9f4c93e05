//! From its start to its end.

use mainstay_adapters::sandbox::Driver;

use super::rig::{Rig, run};

#[tokio::test]
async fn a_machine_starts_and_runs_commands() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    assert!(rig.driver.is_running(&place).await);
    let machine = rig.connect(&place).await;
    assert_eq!(run(&machine, "id -un; pwd; echo $HOME; uname -sr").await, "");
    rig.end(&[&place]).await;
}
