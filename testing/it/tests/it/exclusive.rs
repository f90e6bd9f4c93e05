//! One process at a time on a data folder.

use mainstay_it::harness::create_session;

use crate::world::World;

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let world = World::new().await;
    let first = world.start().await;
    let mut second = world.setup.command(&["serve", "--listen", "127.0.0.1:0"]);
    let second = tokio::time::timeout(crate::client::PATIENCE, second.output()).await;
    let second = second.expect("the second ends").expect("the second starts");
    let complaint = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success(), "the second server started");
    assert!(second.stdout.is_empty(), "the second server said that it answers");
    let folder = world.setup.data_dir().display().to_string();
    assert!(complaint.contains(&folder), "the complaint names no folder: {complaint}");
    let mut connection = world.connect(&first).await;
    let agent = mainstay_it::harness::Agent::new(&world.scripted.url, &[]);
    let agent = world.agent(&mut connection, &agent).await;
    create_session(&mut connection, &agent).await.expect("the first server goes on");
}
