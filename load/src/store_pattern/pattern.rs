//! Which rows each step of a lead looks up, writes and removes.

use anyhow::ensure;

use super::engine::{Change, Engine, Table};

const ACCOUNTS: u64 = 50;
const STEPS: u8 = 8;

struct Flight {
    id: [u8; 18],
    digest: [u8; 32],
    account: u64,
    outbox: u64,
    step: u8,
}

/// The leads in flight and a repeatable source of randomness.
pub struct Pattern {
    flights: Vec<Flight>,
    random: u64,
    outbox: u64,
    minted: u64,
}

impl Pattern {
    /// A window of `leads` new leads; the same numbers in every run.
    pub fn new(leads: usize) -> Self {
        let mut pattern =
            Self { flights: Vec::new(), random: 0x9e37_79b9_7f4a_7c15, outbox: 0, minted: 0 };
        for _ in 0..leads.max(1) {
            let flight = pattern.mint();
            pattern.flights.push(flight);
        }
        pattern
    }

    /// The next number of the xorshift64* sequence.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.random().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Partition, then time, then random: the shape of the real ids.
    fn mint(&mut self) -> Flight {
        self.minted += 1;
        let (partition, tail) = (self.random() % 64, self.random());
        let mut id = [0; 18];
        id[..2].copy_from_slice(&(partition as u16).to_be_bytes());
        id[2..10].copy_from_slice(&self.minted.to_be_bytes());
        id[10..].copy_from_slice(&tail.to_be_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(&self.bytes(32));
        let account = self.random() % ACCOUNTS;
        Flight { id, digest, account, outbox: 0, step: 0 }
    }

    /// Takes one lead at random one step further.
    pub fn step(
        &mut self,
        engine: &mut dyn Engine,
        changes: &mut Vec<Change>,
    ) -> anyhow::Result<()> {
        let index = (self.random() % self.flights.len() as u64) as usize;
        let mut flight = self.mint();
        std::mem::swap(&mut flight, &mut self.flights[index]);
        match flight.step {
            0 => self.create(&flight, engine, changes)?,
            1 => {
                engine.get(Table::Duplicates, &flight.digest)?;
                changes.push(Change::put(Table::Duplicates, &flight.digest, self.bytes(60)));
                changes.push(Change::put(Table::Expiry, &flight.digest, Vec::new()));
            }
            2 => {
                changes.push(Change::put(Table::Ranks, &flight.id, self.bytes(900)));
                changes.push(Change::put(Table::Runs, &flight.id, self.bytes(150)));
                self.add_outbox(&mut flight, 700, changes);
            }
            3 => {
                engine.get(Table::Holds, &hold_key(&flight))?;
                changes.push(Change::put(Table::Holds, &hold_key(&flight), self.bytes(150)));
                self.touch_account(&flight, changes);
            }
            4 => {
                changes.push(Change::put(Table::Posts, &flight.id, self.bytes(2_000)));
                changes.push(Change::put(Table::Runs, &flight.id, self.bytes(250)));
            }
            5 => self.close(&mut flight, changes),
            6 => self.settle(&flight, engine, changes)?,
            _ => {
                for offset in 0..4 {
                    let id = (flight.outbox - offset).to_be_bytes();
                    changes.push(Change::remove(Table::Outbox, &id));
                }
                changes.push(Change::remove(Table::Journal, &flight.outbox.to_be_bytes()));
            }
        }
        flight.step += 1;
        if flight.step < STEPS {
            self.flights[index] = flight;
        }
        Ok(())
    }

    fn create(
        &mut self,
        flight: &Flight,
        engine: &mut dyn Engine,
        changes: &mut Vec<Change>,
    ) -> anyhow::Result<()> {
        ensure!(engine.get(Table::Keys, &flight.digest)?.is_none(), "a key is there already");
        changes.push(Change::put(Table::Keys, &flight.digest, self.bytes(70)));
        changes.push(Change::put(Table::Expiry, &flight.id, Vec::new()));
        changes.push(Change::put(Table::Leads, &flight.id, self.bytes(500)));
        changes.push(Change::put(Table::Runs, &flight.id, self.bytes(100)));
        changes.push(Change::put(Table::Sealed, &flight.id, self.bytes(1_400)));
        Ok(())
    }

    fn close(&mut self, flight: &mut Flight, changes: &mut Vec<Change>) {
        changes.push(Change::put(Table::Closed, &flight.id, self.bytes(2_200)));
        changes.push(Change::put(Table::Posts, &flight.id, self.bytes(60)));
        for table in [Table::Leads, Table::Runs, Table::Ranks] {
            changes.push(Change::remove(table, &flight.id));
        }
        for _ in 0..2 {
            self.add_outbox(flight, 90, changes);
        }
        self.add_outbox(flight, 600, changes);
    }

    fn settle(
        &mut self,
        flight: &Flight,
        engine: &mut dyn Engine,
        changes: &mut Vec<Change>,
    ) -> anyhow::Result<()> {
        engine.get(Table::Holds, &hold_key(flight))?;
        changes.push(Change::put(Table::Holds, &hold_key(flight), self.bytes(40)));
        changes.push(Change::put(Table::Expiry, &hold_key(flight), Vec::new()));
        changes.push(Change::put(Table::Journal, &flight.outbox.to_be_bytes(), self.bytes(120)));
        self.touch_account(flight, changes);
        Ok(())
    }

    fn touch_account(&mut self, flight: &Flight, changes: &mut Vec<Change>) {
        let account = flight.account.to_be_bytes();
        changes.push(Change::put(Table::Accounts, &account, self.bytes(60)));
        for cap in 0..2_u8 {
            let key = [&account[..], &[cap]].concat();
            changes.push(Change::put(Table::Caps, &key, self.bytes(30)));
        }
    }

    fn add_outbox(&mut self, flight: &mut Flight, length: usize, changes: &mut Vec<Change>) {
        self.outbox += 1;
        flight.outbox = self.outbox;
        let value = self.bytes(length);
        changes.push(Change::put(Table::Outbox, &self.outbox.to_be_bytes(), value));
    }
}

fn hold_key(flight: &Flight) -> Vec<u8> {
    [&flight.account.to_be_bytes()[..], &flight.id].concat()
}
