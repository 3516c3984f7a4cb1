//! Operations on leads: arguments in, replies out. What they mean stands in the scripts.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use redis::Value;

use super::RedisStore;
use super::keys;
use super::rows::{
    Head, closing_arguments, encode, encode_effects, index_of, span_argument, time_argument,
};
use super::script::Operation;
use super::view::{
    array_of, bytes_of, corrupt, lead_of, number, optional_bytes_of, parse_verdict, text_of,
    time_in, verdict_letter,
};
use crate::domain::auction::{Closing, LeadView, RankEntry};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::ports::auction_store::{
    Claimed, Create, Created, Decide, Decided, Due, Effect, Expired, Fenced, Finished, Intended,
    Intent, LeadReply, NodeId, Offer, Outcome, Recorded, SealedPost, StoreError, Take, Taken,
    Unresolved,
};
use crate::store::limits;

type Result<T> = std::result::Result<T, StoreError>;

/// The fence of a lead's first owner.
const FIRST_FENCE: u64 = 1;

/// What a script on a lead replies.
struct Reply {
    now: Timestamp,
    code: String,
    lead: Option<Arc<LeadView>>,
}

impl Reply {
    fn read(value: Value) -> Result<Self> {
        let mut parts = array_of(value)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| corrupt("a reply"));
        let (now, code) = (time_in(next()?)?, text_of(next()?)?);
        if let Some(limit) = code.strip_prefix("limit ") {
            return Err(StoreError::Limit(limit.to_owned()));
        }
        Ok(Self { now, code, lead: lead_of(array_of(next()?)?)? })
    }

    /// The reply, its code read by `read`.
    fn with<T>(
        self,
        read: impl FnOnce(&str, Option<&LeadView>) -> Option<T>,
    ) -> Result<LeadReply<T>> {
        let reply = read(&self.code, self.lead.as_deref()).ok_or_else(|| corrupt("a reply"))?;
        Ok(LeadReply { now: self.now, lead: self.lead, reply })
    }

    fn fenced<T>(self, read: impl FnOnce(&str) -> Option<T>) -> Result<LeadReply<Fenced<T>>> {
        self.with(|code, _| match code {
            "fenced" => Some(Fenced::Fenced),
            other => read(other).map(Fenced::Ok),
        })
    }
}

fn fence_argument(fence: u64) -> Vec<u8> {
    fence.to_string().into_bytes()
}

fn node_argument(node: NodeId) -> Vec<u8> {
    format!("{:032x}", node.0).into_bytes()
}

fn check_closing(closing: &Closing) -> Result<()> {
    if matches!(closing.disposition, Disposition::Pending | Disposition::Offered) {
        return Err(StoreError::Limit("a lead cannot end as pending or offered".to_owned()));
    }
    limits::opaque("answer", &closing.answer.body)
}

fn check_rank(rank: &[RankEntry]) -> Result<()> {
    limits::within("ranking", rank.len(), limits::RANK_MAX)?;
    for entry in rank {
        limits::opaque("bid terms", &entry.terms)?;
        limits::within("legal entity", entry.legal_entity.len(), limits::TEXT_BYTES_MAX)?;
    }
    Ok(())
}

impl RedisStore {
    /// Runs a script on a lead: the arguments that all of them take, then its own.
    async fn on_lead(
        &self,
        operation: Operation,
        lead_id: LeadId,
        further_key: Option<String>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Reply> {
        self.check_partition(lead_id.partition())?;
        let partition = lead_id.partition();
        let mut keys = vec![
            keys::lead(lead_id),
            keys::sealed(lead_id),
            keys::due(partition),
            keys::outbox(partition),
        ];
        keys.extend(further_key);
        let kept_ms = self.settings.closed_ms().to_string().into_bytes();
        let mut all = vec![lead_id.to_bytes().to_vec(), kept_ms];
        all.extend(arguments);
        Reply::read(self.run(operation, &keys, all).await?)
    }

    pub(super) async fn create_lead(&self, create: Create) -> Result<LeadReply<Created>> {
        limits::within("seats", usize::from(create.seats), limits::SEATS_MAX)?;
        limits::opaque("sealed lead", &create.sealed)?;
        limits::opaque("plan", &create.plan)?;
        limits::effects(&create.effects)?;
        create.closing.as_ref().map_or(Ok(()), check_closing)?;
        let lead_id = create.lead_id;
        let key = keys::idempotency(lead_id.partition(), &create.key_digest);
        let head = Head {
            lead_id,
            vendor: create.vendor,
            fingerprint: create.fingerprint,
            registry_version: create.registry_version,
            plan: create.plan,
        };
        let mut arguments = vec![
            span_argument(create.key_ttl_ms),
            lead_id.to_string().into_bytes(),
            create.fingerprint.to_vec(),
            encode(&head),
            create.sealed.to_vec(),
            create.seats.to_string().into_bytes(),
            node_argument(create.node),
            span_argument(create.lease_ms),
        ];
        arguments.extend(closing_arguments(create.closing.as_ref()));
        arguments.extend(encode_effects(&create.effects));
        let reply = self.on_lead(Operation::Create, lead_id, Some(key), arguments).await?;
        reply.with(|code, _| match code {
            "created" => Some(Created::Created { fence: FIRST_FENCE }),
            "same" => Some(Created::Same),
            "mismatch" => Some(Created::Mismatch),
            _ => None,
        })
    }

    pub(super) async fn read_lead(&self, lead_id: LeadId) -> Result<LeadReply<()>> {
        self.check_partition(lead_id.partition())?;
        let keys = [keys::lead(lead_id)];
        Reply::read(self.run(Operation::Read, &keys, Vec::new()).await?)?.with(|_, _| Some(()))
    }

    pub(super) async fn read_sealed_lead(&self, lead_id: LeadId) -> Result<Option<Bytes>> {
        self.check_partition(lead_id.partition())?;
        let mut command = redis::cmd("HGET");
        command.arg(keys::sealed(lead_id)).arg("lead");
        Ok(optional_bytes_of(self.command(&command).await?)?.map(Bytes::from))
    }

    /// Looks where the post belongs, and then for its bytes.
    pub(super) async fn read_sealed_post(&self, post_id: PostId) -> Result<Option<SealedPost>> {
        self.check_partition(post_id.partition())?;
        let mut command = redis::cmd("GET");
        command.arg(keys::post(post_id));
        let Some(place) = optional_bytes_of(self.command(&command).await?)? else {
            return Ok(None);
        };
        let place = String::from_utf8(place).map_err(|_| corrupt("a post's place"))?;
        let words: Vec<&str> = place.split(' ').collect();
        let [lead, seat, k] = words[..] else { return Err(corrupt("a post's place")) };
        let lead_id = LeadId::parse(lead).map_err(|_| corrupt("a post's place"))?;
        let mut command = redis::cmd("HGET");
        command.arg(keys::sealed(lead_id)).arg(format!("{seat}:{k}"));
        let Some(sealed) = optional_bytes_of(self.command(&command).await?)? else {
            return Ok(None);
        };
        let (seat, k) = (number(seat)?, number(k)?);
        Ok(Some(SealedPost { lead_id, seat, k, sealed: sealed.into() }))
    }

    pub(super) async fn read_due(&self, partition: Partition, limit: usize) -> Result<Vec<Due>> {
        self.check_partition(partition)?;
        let limit = limit.min(limits::READ_MAX).to_string().into_bytes();
        let keys = [keys::due(partition)];
        let mut parts = array_of(self.run(Operation::Due, &keys, vec![limit]).await?)?.into_iter();
        let mut due = Vec::new();
        while let (Some(lead), Some(at)) = (parts.next(), parts.next()) {
            let id: [u8; 18] = bytes_of(lead)?.try_into().map_err(|_| corrupt("a due lead"))?;
            due.push(Due { lead_id: LeadId::from_bytes(id), at: time_in(at)? });
        }
        Ok(due)
    }

    pub(super) async fn claim_lead(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> Result<LeadReply<Claimed>> {
        let arguments = vec![node_argument(node), span_argument(lease_ms)];
        let reply = self.on_lead(Operation::Claim, lead_id, None, arguments).await?;
        reply.with(|code, lead| match code {
            "claimed" => Some(Claimed::Claimed { fence: lead?.fence }),
            "held" => Some(Claimed::Held),
            "closed" => Some(Claimed::Closed),
            "missing" => Some(Claimed::Missing),
            _ => None,
        })
    }

    pub(super) async fn renew_lease(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> Result<LeadReply<Fenced<()>>> {
        let arguments = vec![fence_argument(fence), span_argument(lease_ms)];
        let reply = self.on_lead(Operation::Renew, lead_id, None, arguments).await?;
        reply.fenced(|code| (code == "ok").then_some(()))
    }

    pub(super) async fn postpone_look(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> Result<LeadReply<Fenced<()>>> {
        let arguments = vec![fence_argument(fence), time_argument(due_at)];
        let reply = self.on_lead(Operation::Postpone, lead_id, None, arguments).await?;
        reply.fenced(|code| (code == "ok").then_some(()))
    }

    pub(super) async fn decide_round(&self, decide: Decide) -> Result<LeadReply<Fenced<Decided>>> {
        limits::effects(&decide.effects)?;
        check_rank(&decide.rank)?;
        let mut arguments = vec![
            fence_argument(decide.fence),
            decide.round.to_string().into_bytes(),
            decide.rank.len().to_string().into_bytes(),
            index_of(&decide.rank).into_bytes(),
            encode(&decide.rank),
        ];
        arguments.extend(encode_effects(&decide.effects));
        let reply = self.on_lead(Operation::Decide, decide.lead_id, None, arguments).await?;
        reply.fenced(decided)
    }

    pub(super) async fn offer_lead(&self, offer: Offer) -> Result<LeadReply<Fenced<Decided>>> {
        limits::effects(&offer.effects)?;
        limits::opaque("offers", &offer.offers)?;
        check_rank(&offer.rank)?;
        let mut arguments = vec![
            fence_argument(offer.fence),
            offer.rank.len().to_string().into_bytes(),
            index_of(&offer.rank).into_bytes(),
            encode(&offer.rank),
            offer.offers.to_vec(),
            time_argument(offer.expires_at),
        ];
        arguments.extend(encode_effects(&offer.effects));
        let reply = self.on_lead(Operation::Offer, offer.lead_id, None, arguments).await?;
        reply.fenced(decided)
    }

    pub(super) async fn take_offer(&self, take: Take) -> Result<LeadReply<Taken>> {
        limits::opaque("sealed lead", &take.sealed)?;
        limits::opaque("offer ids", &take.offer_ids)?;
        limits::effects(&take.effects)?;
        let mut arguments = vec![
            take.fingerprint.to_vec(),
            take.sealed.to_vec(),
            take.offer_ids.to_vec(),
            node_argument(take.node),
            span_argument(take.lease_ms),
        ];
        arguments.extend(encode_effects(&take.effects));
        let reply = self.on_lead(Operation::Take, take.lead_id, None, arguments).await?;
        reply.with(|code, _| match code {
            "same" => Some(Taken::Same),
            "expired" => Some(Taken::Expired),
            "mismatch" => Some(Taken::Mismatch),
            "missing" => Some(Taken::Missing),
            taken => Some(Taken::Taken { fence: taken.strip_prefix("taken ")?.parse().ok()? }),
        })
    }

    pub(super) async fn expire_an_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> Result<LeadReply<Expired>> {
        check_closing(&closing)?;
        limits::effects(&effects)?;
        if closing.disposition != Disposition::Expired {
            return Err(StoreError::Limit("an offer can only expire".to_owned()));
        }
        let mut arguments = vec![encode(&closing)];
        arguments.extend(encode_effects(&effects));
        let reply = self.on_lead(Operation::ExpireOffer, lead_id, None, arguments).await?;
        reply.with(|code, _| match code {
            "closed" => Some(Expired::Closed),
            "early" => Some(Expired::TooEarly),
            "taken" => Some(Expired::Taken),
            _ => None,
        })
    }

    pub(super) async fn write_intent(&self, intent: Intent) -> Result<LeadReply<Fenced<Intended>>> {
        limits::opaque("sealed post", &intent.sealed_post)?;
        let lead_id = intent.lead_id;
        if intent.post_id.partition() != lead_id.partition() {
            return Err(StoreError::Limit("a post of another partition".to_owned()));
        }
        let arguments = vec![
            fence_argument(intent.fence),
            intent.seat.to_string().into_bytes(),
            intent.k.to_string().into_bytes(),
            intent.campaign.as_str().as_bytes().to_vec(),
            intent.post_id.to_string().into_bytes(),
            intent.sealed_post.to_vec(),
            span_argument(intent.lease_ms),
            lead_id.to_string().into_bytes(),
        ];
        let key = Some(keys::post(intent.post_id));
        let reply = self.on_lead(Operation::Intent, lead_id, key, arguments).await?;
        reply.fenced(|code| match code {
            "ok" => Some(Intended::Ok),
            "busy" => Some(Intended::Busy),
            "sold" => Some(Intended::Sold),
            "stale" => Some(Intended::Stale),
            _ => None,
        })
    }

    pub(super) async fn write_outcome(&self, outcome: Outcome) -> Result<LeadReply<Recorded>> {
        outcome.closing.as_ref().map_or(Ok(()), check_closing)?;
        limits::effects(&outcome.effects)?;
        limits::late_record(&outcome.late_record)?;
        let late: Vec<Effect> = outcome.late_record.into_iter().map(Effect::Record).collect();
        let mut arguments = vec![
            outcome.seat.to_string().into_bytes(),
            outcome.k.to_string().into_bytes(),
            verdict_letter(outcome.verdict).as_bytes().to_vec(),
            outcome.due_at.map(time_argument).unwrap_or_default(),
        ];
        arguments.extend(closing_arguments(outcome.closing.as_ref()));
        arguments.push(late.len().to_string().into_bytes());
        arguments.push(outcome.fence.map(|fence| fence.to_string()).unwrap_or_default().into());
        arguments.extend(encode_effects(&outcome.effects));
        arguments.extend(encode_effects(&late));
        let reply = self.on_lead(Operation::Outcome, outcome.lead_id, None, arguments).await?;
        reply.with(|code, _| match code {
            "recorded" => Some(Recorded::Recorded),
            "already" => Some(Recorded::Already),
            "conflict" => Some(Recorded::Conflict),
            "missing" => Some(Recorded::Missing),
            "fenced" => Some(Recorded::Fenced),
            stands => {
                let before = parse_verdict(stands.strip_prefix("stands ")?).ok()??;
                Some(Recorded::Stands(before))
            }
        })
    }

    pub(super) async fn finish_lead(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> Result<LeadReply<Fenced<Finished>>> {
        check_closing(&closing)?;
        limits::effects(&effects)?;
        let mut arguments = vec![fence_argument(fence)];
        arguments.extend(closing_arguments(Some(&closing)));
        arguments.extend(encode_effects(&effects));
        let reply = self.on_lead(Operation::Finish, lead_id, None, arguments).await?;
        reply.fenced(finished)
    }

    pub(super) async fn leave_unresolved(&self, given: Unresolved) -> Result<LeadReply<Finished>> {
        let Unresolved { lead_id, seat, k, closing, effects } = given;
        closing.as_ref().map_or(Ok(()), check_closing)?;
        limits::effects(&effects)?;
        let mut arguments = vec![seat.to_string().into_bytes(), k.to_string().into_bytes()];
        arguments.extend(closing_arguments(closing.as_ref()));
        arguments.extend(encode_effects(&effects));
        let reply = self.on_lead(Operation::Unresolved, lead_id, None, arguments).await?;
        reply.with(|code, _| finished(code))
    }

    pub(super) async fn append_fact(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> Result<LeadReply<bool>> {
        limits::text("fact id", &fact_id)?;
        limits::opaque("fact", &fact)?;
        limits::effects(&effects)?;
        let mut arguments = vec![fact_id.into_bytes(), fact.to_vec()];
        arguments.extend(encode_effects(&effects));
        let reply = self.on_lead(Operation::Append, lead_id, None, arguments).await?;
        reply.with(|code, _| match code {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        })
    }
}

fn decided(code: &str) -> Option<Decided> {
    match code {
        "decided" => Some(Decided::Decided),
        "already" => Some(Decided::Already),
        _ => None,
    }
}

fn finished(code: &str) -> Option<Finished> {
    match code {
        "closed" => Some(Finished::Closed),
        "already" => Some(Finished::Already),
        "busy" => Some(Finished::Busy),
        _ => None,
    }
}
