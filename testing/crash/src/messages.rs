//! What producer and node say to each other: lines of words.

use std::{fmt, str::FromStr};

/// Something to record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The tenant.
    pub tenant: String,
    /// The route, which names the life that records it.
    pub route: String,
    /// The dimension.
    pub dimension: String,
    /// How many units.
    pub units: u64,
}

/// What the producer tells the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Record this.
    Record(Entry),
    /// Shut down, and drain before.
    Finish,
}

/// What the node answers. Entries are counted from 1 in each life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Log and ledger are open.
    Ready,
    /// All entries up to this one are recorded.
    Recorded(u64),
    /// All entries up to this one are durable: a kill costs none of their units.
    Covered(u64),
    /// It shut down and drained, or did not, for this reason.
    Finished(Result<(), String>),
    /// It could not start, for this reason.
    Refused(String),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(Entry { tenant, route, dimension, units }) => {
                write!(f, "record {tenant} {route} {dimension} {units}")
            }
            Self::Finish => f.write_str("finish"),
        }
    }
}

impl FromStr for Order {
    type Err = Misunderstood;

    fn from_str(line: &str) -> Result<Self, Misunderstood> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["finish"] => Ok(Self::Finish),
            ["record", tenant, route, dimension, units] => Ok(Self::Record(Entry {
                tenant: tenant.to_owned(),
                route: route.to_owned(),
                dimension: dimension.to_owned(),
                units: units.parse().map_err(|_| Misunderstood(line.to_owned()))?,
            })),
            _ => Err(Misunderstood(line.to_owned())),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Recorded(entries) => write!(f, "recorded {entries}"),
            Self::Covered(entries) => write!(f, "covered {entries}"),
            Self::Finished(Ok(())) => f.write_str("drained"),
            Self::Finished(Err(reason)) => write!(f, "undrained {}", reason.replace('\n', " ")),
            Self::Refused(reason) => write!(f, "refused {}", reason.replace('\n', " ")),
        }
    }
}

impl FromStr for Answer {
    type Err = Misunderstood;

    fn from_str(line: &str) -> Result<Self, Misunderstood> {
        let misunderstood = || Misunderstood(line.to_owned());
        let number = |text: &str| text.parse().map_err(|_| misunderstood());
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ready" => Ok(Self::Ready),
            "recorded" => number(rest).map(Self::Recorded),
            "covered" => number(rest).map(Self::Covered),
            "drained" => Ok(Self::Finished(Ok(()))),
            "undrained" => Ok(Self::Finished(Err(rest.to_owned()))),
            "refused" => Ok(Self::Refused(rest.to_owned())),
            _ => Err(misunderstood()),
        }
    }
}

/// A line that is none of the messages. The last line of a process that was killed may be cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misunderstood(pub String);

impl fmt::Display for Misunderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no message", self.0)
    }
}

impl std::error::Error for Misunderstood {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let entry = Entry {
            tenant: "acme".to_owned(),
            route: "/life-1/a".to_owned(),
            dimension: "requests".to_owned(),
            units: 7,
        };
        for order in [Order::Record(entry), Order::Finish] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let answers = [
            Answer::Ready,
            Answer::Recorded(3),
            Answer::Covered(2),
            Answer::Finished(Ok(())),
            Answer::Finished(Err("no room".to_owned())),
            Answer::Refused("in use".to_owned()),
        ];
        for answer in answers {
            assert_eq!(answer.to_string().parse(), Ok(answer));
        }
        assert!("recorded".parse::<Answer>().is_err(), "cut short");
    }
}
