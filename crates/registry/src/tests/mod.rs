//! Tests of the registry through its entrance: commands in, answers, effects and rows out. Every command is followed by
//! a check of every rule of the tables.

mod actions;
mod claims;
mod cluster;
mod control;
mod dispatch;
mod endpoints;
mod follow_ups;
mod forbidding;
mod housekeeping;
mod messages;
mod moving;
mod parts;
mod patches;
mod pieces;
mod properties;
mod requests;
mod takeover;
mod versions;
mod world;
