//! The course of a run: who comes when, what falls when, and when it is over.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use gavel::domain::ids::PostId;
use gavel::domain::slug::CampaignId;
use gavel::domain::time::{ms_between, plus_ms};
use gavel::flow::administer::{ApplyOptions, CampaignOrder};
use tokio::time::{Instant, sleep, sleep_until};

use crate::dice::Dice;
use crate::scenario::{Blow, RegistryTurn, Scenario, When};
use crate::vendor::{long_enough, sell};
use crate::world::World;

/// How long nothing may move before the end is judged.
const STILL: Duration = Duration::from_secs(4);
/// Within so long a node must be ready when nothing is wrong with it or the store, in milliseconds.
const READY_MS: i64 = 6_000;

fn at(world: &World, ms: u64) -> Instant {
    world.began + Duration::from_millis(ms)
}

/// Runs a world to its end.
pub async fn run(world: &Arc<World>) {
    world.prepare().await;
    for node in 0..world.scenario.nodes {
        world.boot(node);
    }
    for plan in world.scenario.leads.clone() {
        world.spawn(sell(Arc::clone(world), plan));
    }
    let happenings = [
        blows(Arc::clone(world)).boxed(),
        restarts(Arc::clone(world)).boxed(),
        store_clock(Arc::clone(world)).boxed(),
        registry(Arc::clone(world)).boxed(),
        operator(Arc::clone(world)).boxed(),
    ];
    for happening in happenings {
        world.spawn(happening);
    }
    let end = Arc::clone(world);
    tokio::select! {
        biased;
        () = world.until_violated() => {}
        () = come_to_rest(end) => {}
    }
    world.end();
}

async fn come_to_rest(world: Arc<World>) {
    sleep_until(at(&world, world.scenario.calm_at_ms)).await;
    world.calm_down();
    let calm_at = plus_ms(
        world.scenario.began_at,
        i64::try_from(world.scenario.calm_at_ms).unwrap_or(i64::MAX),
    );
    let give_up_at = long_enough(&world);
    loop {
        sleep(Duration::from_secs(1)).await;
        let passed_ms = i64::try_from(world.ms()).unwrap_or(i64::MAX);
        let now = plus_ms(world.scenario.began_at, passed_ms);
        world.check(|checker| checker.stale_holds(now, calm_at));
        world.check(|checker| checker.overdue(&world.store.model, now, calm_at));
        if ms_between(calm_at, now) > READY_MS {
            let ready_after = Duration::from_millis(READY_MS.unsigned_abs());
            world.not_ready(ready_after).into_iter().for_each(|what| world.violate(what));
        }
        let unrest = unrest(&world);
        if unrest.is_empty() {
            break;
        }
        if Instant::now() >= give_up_at {
            return world
                .violate(format!("the exchange does not come to rest: {}", unrest.join("; ")));
        }
    }
    sleep(STILL).await;
    let shelves = world.archive.shelves();
    world.check(|checker| checker.finale(&world.store.model, &shelves, calm_at));
}

fn unrest(world: &World) -> Vec<String> {
    let mut unrest = world.check(|checker| checker.unrest(&world.store.model));
    let vendors = world.vendors_left();
    if vendors > 0 {
        unrest.push(format!("{vendors} vendors wait"));
    }
    unrest
}

async fn blows(world: Arc<World>) {
    let mut falls = Vec::new();
    for fault in &world.scenario.node_faults {
        if let When::At { ms } = fault.when {
            falls.push((ms, fault.node, fault.blow));
        }
    }
    falls.sort_by_key(|(ms, node, _)| (*ms, *node));
    for (ms, node, blow) in falls {
        sleep_until(at(&world, ms)).await;
        world.strike(node, blow);
    }
}

async fn restarts(world: Arc<World>) {
    let mut dice = Dice::new(world.scenario.seed).fork("restarts", 0);
    for ms in world.scenario.store_restarts.clone() {
        sleep_until(at(&world, ms)).await;
        let back_ms = dice.between(20, 2_500);
        if world.scenario.is_embedded {
            world.strike(0, Blow::Crash { back_ms });
            continue;
        }
        world.step("store", &format!("falls, back in {back_ms} ms"));
        world.store.fall(true);
        sleep(Duration::from_millis(back_ms)).await;
        world.store.rise();
    }
}

async fn store_clock(world: Arc<World>) {
    for (ms, offset_ms) in world.scenario.store_clock.clone() {
        sleep_until(at(&world, ms)).await;
        if !world.is_calm() {
            world.step("store", &format!("its clock is {offset_ms} ms off"));
            world.store.clock.set_offset(offset_ms);
        }
    }
}

async fn registry(world: Arc<World>) {
    let Scenario { registry_faults, mut margin_percent, nodes, .. } = world.scenario.clone();
    let mut moved = Vec::new();
    for (turn, fault) in registry_faults.into_iter().enumerate() {
        sleep_until(at(&world, fault.at_ms)).await;
        let campaign = world.scenario.campaigns[fault.campaign].id.clone();
        match fault.change {
            RegistryTurn::MoveEndpoint => moved.push(fault.campaign),
            RegistryTurn::Margin(percent) => margin_percent = percent,
            RegistryTurn::Pause | RegistryTurn::Resume => {}
        }
        let Some((sender, exchange)) = world.node(turn % nodes) else { continue };
        world.note(&sender, || format!("registry: {campaign} {:?}", fault.change));
        let bundle = world.bundle(margin_percent, &moved);
        let change = async move {
            let administration = exchange.administration();
            let campaign: CampaignId = campaign.parse().expect("campaigns have slugs");
            let order = CampaignOrder { id: &campaign, buyer: None, actor: "sim" };
            match fault.change {
                RegistryTurn::Pause => drop(administration.pause(order).await),
                RegistryTurn::Resume => drop(administration.resume(order).await),
                RegistryTurn::MoveEndpoint | RegistryTurn::Margin(_) => {
                    drop(administration.apply(&bundle, ApplyOptions::default(), "sim").await);
                }
            }
        };
        world.spawn(sender.cell.hold(change.boxed()));
    }
}

/// An operator who asks a buyer what it has, and tells the exchange.
async fn operator(world: Arc<World>) {
    let mut dice = Dice::new(world.scenario.seed).fork("operator", 0);
    for ms in world.scenario.operator_at_ms.clone() {
        sleep_until(at(&world, ms)).await;
        let node = dice.below(world.scenario.nodes as u64) as usize;
        let Some((post_id, is_taken)) = world.check(|checker| checker.knowable_post()) else {
            continue;
        };
        let Some((sender, exchange)) = world.node(node) else { continue };
        world.note(&sender, || format!("operator: the buyer says taken={is_taken}"));
        let post_id = PostId::parse(&post_id).expect("it was written by the exchange");
        let resolve = async move {
            drop(exchange.resolve_post(post_id, is_taken, None, "operator").await);
        };
        world.spawn(sender.cell.hold(resolve.boxed()));
    }
}
