//! Tests of the registry through its door: commands in, answers, effects and rows out. Every command is followed by a
//! check of every rule of the tables.

mod actions;
mod control;
mod endpoints;
mod follow_ups;
mod forbidding;
mod handover;
mod housekeeping;
mod messages;
mod properties;
mod takeover;
mod world;
