//! `simulate`: many worlds, or one that failed.

use std::process::ExitCode;

use clap::Parser;
use ron_accounting_simulation::{
    minimise, run, run_facade, run_once_or_twice, scenarios, Campaign, Failure, Probing, Report, Story,
};

/// Simulates the durability protocol over faulty disks and faulty ledgers.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// How many worlds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One world alone, with its story
    #[arg(long)]
    seed: Option<u64>,
    /// Runs each story twice, which must give the same bytes
    #[arg(long)]
    twice: bool,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Ends after so many failures
    #[arg(long, default_value_t = 1_000_000)]
    max_failures: usize,
    /// Failures of each check that are told with their stories; 0 lists the seeds of all failures instead
    #[arg(long, default_value_t = 1)]
    told: usize,
    /// Runs the stories that once went wrong, instead of seeds
    #[arg(long)]
    scenarios: bool,
    /// Drives the façade over real directories, so many seeds, instead of worlds
    #[arg(long)]
    facade: Option<u64>,
    /// Shows the whole story of --seed, not only the steps that matter
    #[arg(long)]
    whole: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.scenarios {
        return written();
    }
    if let Some(seeds) = arguments.facade {
        return facades(arguments.from, seeds);
    }
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let story = Story::generate(seed);
    let outcome = run_once_or_twice(&story, Probing::USUAL, arguments.twice);
    match outcome.failure {
        None => {
            println!(
                "seed {seed}: {} steps, {} crash states, all holds",
                outcome.steps,
                outcome.crash_states.len()
            );
            ExitCode::SUCCESS
        }
        Some(failure) => {
            if arguments.whole {
                println!("{}", Report { story: &story, failure: &failure, steps_before: story.steps.len() });
            } else {
                tell(&story, &failure);
            }
            ExitCode::FAILURE
        }
    }
}

fn written() -> ExitCode {
    let mut failures = 0_u8;
    for scenario in scenarios() {
        match scenario.run() {
            Ok(()) => println!("holds: {}", scenario.name),
            Err(failure) => {
                failures += 1;
                println!("FAILS: {}: {failure}", scenario.name);
            }
        }
    }
    ExitCode::from(failures.min(1))
}

fn facades(first: u64, seeds: u64) -> ExitCode {
    let mut failures = 0;
    for seed in first..first.saturating_add(seeds) {
        let outcome = run_facade(seed);
        if let Some(failure) = outcome.failure {
            failures += 1;
            println!("seed {seed} of the façade fails: {failure}");
            for (index, step) in outcome.steps.iter().enumerate() {
                println!("  {:>3}. {step}", index + 1);
            }
        }
    }
    println!("{seeds} stories of the façade, {failures} failures");
    ExitCode::from(u8::from(failures > 0))
}

fn many(arguments: &Arguments) -> ExitCode {
    let campaign = Campaign {
        first: arguments.from,
        seeds: arguments.seeds,
        jobs: arguments.jobs,
        is_twice: arguments.twice,
        failures_max: arguments.max_failures,
        probing: Probing::USUAL,
    };
    let summary = campaign.run();
    for (seed, failure) in summary.failures.values().flat_map(|failures| failures.iter().take(arguments.told))
    {
        tell(&Story::generate(*seed), failure);
        println!();
    }
    println!("{summary}");
    if arguments.told == 0 {
        let seeds = summary.failures.values().flatten().map(|(seed, _)| seed.to_string());
        println!("failed seeds: {}", seeds.collect::<Vec<_>>().join(" "));
    }
    ExitCode::from(u8::from(summary.failure_count() > 0))
}

/// Prints a failure with the steps that it takes.
fn tell(story: &Story, failure: &Failure) {
    // Most failures need no probes, and are quicker to shorten without.
    let is_plain = run(story, Probing::NONE).failure.is_some_and(|plain| plain.check == failure.check);
    let probing = if is_plain { Probing::NONE } else { Probing::USUAL };
    let (shorter, failure) = minimise(story, failure, probing);
    println!("{}", Report { story: &shorter, failure: &failure, steps_before: story.steps.len() });
}
