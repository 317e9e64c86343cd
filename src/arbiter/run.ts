// The shell around `step`: one inbox, one timer, effects performed in order.

import type { LogLevel } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { ServerError } from "../errors.ts";
import type { BoundSocket } from "../os/sockets.ts";
import { LONGEST_TIMER } from "../within.ts";
import type { Facts } from "./control/view.ts";
import type { Effect, Event } from "./events.ts";
import { killOrExplain } from "./explained.ts";
import { createHandover, watchParent } from "./handover.ts";
import { createHookRunner } from "./hooks.ts";
import { closeExcept, wait } from "./listeners.ts";
import { loadSetup } from "./loading.ts";
import { createMetering } from "./metering.ts";
import type { ArbiterOptions, Holdings } from "./options.ts";
import { createOutside } from "./outside.ts";
import { createProcesses } from "./processes.ts";
import { createReloading } from "./reloading.ts";
import { createReloads } from "./reloads.ts";
import { newGeneration } from "./rollout.ts";
import {
  descriptorsFor,
  environmentOf,
  factsOf,
  initFor,
  listenersOf,
  type Setup,
  toPolicy,
} from "./setup.ts";
import { type ArbiterState, initialState } from "./state.ts";
import { step } from "./step.ts";
import { isStopping } from "./stop.ts";
import type { LoadedTls } from "./tls.ts";
import { createTlsWatch } from "./tls-watch.ts";

/** Serves and reloads until told to stop; resolves with the exit status. */
export function serve(options: ArbiterOptions, first: Setup, holdings: Holdings): Promise<number> {
  const { journal, now, workerEntry } = options;
  const { inherited } = holdings;
  const { elder, systemd } = options.inheritance;
  const log = journal.log;
  return new Promise((resolve, reject) => {
    let state: ArbiterState = initialState(toPolicy(first.resolved.config), options.seed, elder);
    /** What each generation runs with; the one on trial included. */
    const setups = new Map<number, Setup>([[1, first]]);
    let loaded: Setup | null = null;
    const inbox: Event[] = [];
    let busy = false;
    let timer: NodeJS.Timeout | undefined;
    const current = (): Setup => setups.get(state.generation) ?? first;
    const hooks = createHookRunner(log, () => ({ setup: current(), state }));
    const reloading = createReloading(log, () => enqueue({ type: "reload" }));
    const tlsWatch = createTlsWatch(log, (resolved, tls) => renewTls(resolved, tls));
    const processes = createProcesses(workerEntry, (event) => enqueue(event), reloading.imported);
    const { handed } = inherited;
    const { origin } = options;
    const handover = createHandover({ origin, systemd, elder, handed, emit: (event) => enqueue(event) });
    /** What another arbiter takes from here on, once this one has stopped listening; null while it listens. */
    let left: readonly BoundSocket[] | null = null;
    const startedAt = now();
    /** The log's level that was asked for since the last reload. */
    let runtimeLevel: LogLevel | null = null;
    const reloads = createReloads(now);
    const facts = (): Facts => factsOf(current(), options.software, startedAt, reloads.last());
    const metering = createMetering({
      warn: log.warning,
      state: () => state,
      facts,
      listeners: () => listenersOf(current()),
      lost: journal.lost,
      now,
      peek: processes.peek,
    });
    const outside = createOutside({
      env: origin.env,
      heir: options.inheritance.heir,
      line: journal.line,
      helm: {
        log,
        now,
        state: () => state,
        facts,
        metering,
        resolved: () => current().resolved,
        directory: () => current().directory,
        tell: (event) => enqueue(event),
        peek: processes.peek,
        heard: processes.heard,
        setLevel(level) {
          runtimeLevel = level;
          journal.setLevel(level);
          for (const { id, generation } of state.workers) {
            // One on trial has its own configuration's.
            if (generation <= state.generation) processes.send(id, { type: "loglevel", level });
          }
        },
        reload() {
          const ended = reloads.wanted();
          enqueue({ type: "reload" });
          return ended;
        },
      },
    });
    const opened = (): BoundSocket[] => [...new Set([...setups.values()].flatMap(({ sockets }) => sockets))];

    const enqueue = (event: Event): void => {
      inbox.push(event);
      if (busy) return;
      busy = true;
      try {
        for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) handle(next);
        busy = false;
      } catch (error) {
        reject(error); // still busy: nothing more is handled, and workers drain on their own
      }
    };

    const handle = (event: Event): void => {
      // Who has gone is known by name only before the step that forgets it.
      const gone =
        event.type === "exited" ? state.workers.find((worker) => worker.id === event.id) : undefined;
      if (event.type === "configured" && loaded !== null) {
        setups.set(state.lastGeneration + 1, loaded);
        loaded = null;
      }
      const before = state;
      const result = step(state, event, now());
      state = result.state;
      metering.stepped(before, event, state, result.effects);
      for (const effect of result.effects) attempt(effect);
      journal.counted(state.workers.length);
      if (gone !== undefined) hooks.childExit(gone);
      outside.stepped(state);
      clearTimeout(timer);
      if (result.wakeAt === null) return;
      // After what waits in the channels: a beat that has come is read before anyone is judged.
      const tick = (): void => void setImmediate(() => enqueue({ type: "tick" }));
      // With the longest settings the sum is more than a timer can be, which fires at once then. To be woken early does no harm.
      timer = setTimeout(tick, Math.min(LONGEST_TIMER, Math.max(0, result.wakeAt - now())));
    };

    /** What fails unforeseen must not keep the rest from being done, nor any later event from being heard. */
    const attempt = (effect: Effect): void => {
      try {
        perform(effect);
      } catch (error) {
        log.exception(`The arbiter failed to ${effect.type}`, error);
        if (effect.type === "spawn") enqueue({ type: "exited", id: effect.id, code: null, signal: null });
      }
    };

    const perform = (effect: Effect): void => {
      switch (effect.type) {
        case "spawn":
          return spawn(effect);
        case "announce":
          return processes.send(effect.id, { type: "announce" });
        case "drain":
        case "withdraw":
          return processes.send(effect.id, { type: "drain", idle: parts(effect) ? "part" : effect.idle });
        case "quit":
          return processes.send(effect.id, { type: "quit" });
        case "kill":
          return killOrExplain(effect, { ...processes, warn: log.warning });
        case "loadConfig":
          reloads.begun();
          return void loadNext();
        case "adopt":
          runtimeLevel = null;
          journal.configure(current());
          reloading.follow(current().resolved.config);
          tlsWatch.follow(current());
          metering.follow(current().resolved.config);
          outside.follow(current().resolved.config);
          options.adopted(current().resolved);
          return holdings.movePidfile(current(), state.elder);
        case "abandon":
          setups.get(effect.generation)?.restoreEnvironment();
          goBack();
          return drop(effect.generation);
        case "releaseOld":
          for (const generation of [...setups.keys()]) if (generation < effect.generation) drop(generation);
          return;
        case "closeListeners":
          left = handover.left(opened());
          outside.closes(effect.handedOver);
          for (const socket of opened()) effect.handedOver ? socket.release() : socket.close();
          return;
        case "reloadEnded":
          return reloads.ended(effect.failure, isStopping(state));
        case "upgrade":
          return handover.start(hooks.preExec, () => (left === null ? opened() : null));
        case "promote":
          return promote();
        case "reopenLogs":
          journal.reopen();
          for (const worker of state.workers) processes.send(worker.id, { type: "reopenLogs" });
          return;
        case "hook":
          if (effect.name === "whenReady") {
            outside.ready();
            options.ready();
          }
          // Gunicorn asks the new configuration, too, what to do on a reload.
          return hooks.server(effect.name, setups.get(newGeneration(state) ?? state.generation) ?? first);
        case "resized":
          return hooks.resized(effect.workers, effect.before);
        case "log":
          return log[effect.level](effect.message);
        case "exit":
          clearTimeout(timer);
          stopWatching();
          metering.stop();
          reloading.close();
          tlsWatch.close();
          // Whatever fails there, it ends.
          return void Promise.allSettled([handover.leave(opened()), outside.close()]).then(() =>
            resolve(effect.status),
          );
      }
    };

    const spawn = (order: Extract<Effect, { type: "spawn" }>): void => {
      const setup = setups.get(order.generation) ?? current();
      hooks.preFork(setup, order);
      const { id, slot, generation } = order;
      const ledger = metering.open(id, setup.resolved.config);
      const init = initFor(
        setup,
        { id, slot, generation },
        { software: options.software, startedIn: origin.cwd, counted: ledger !== null },
      );
      // A generation on trial has its own configuration's.
      const loglevel = (generation === state.generation ? runtimeLevel : null) ?? init.config.loglevel;
      const config = { ...init.config, loglevel };
      const env = environmentOf(setup.resolved.config);
      const descriptors = descriptorsFor(setup);
      journal.withOutput(setup.resolved.config, (output) =>
        processes.spawn({ id, init: { ...init, config }, env, descriptors, output, ledger }),
      );
    };

    /** Workers of other generations have the certificates of their own configuration. */
    const renewTls = (resolved: Resolved, tls: LoadedTls): void => {
      const setup = current();
      if (setup.resolved !== resolved) return;
      setups.set(state.generation, { ...setup, tls });
      for (const { id, generation } of state.workers) {
        if (generation === state.generation) processes.send(id, { type: "tls", material: tls.material });
      }
    };

    /** Whether nobody serves on at some of the worker's addresses: the configuration in force, or an upgrade's, no longer has them. */
    const parts = ({ id, idle }: Extract<Effect, { type: "drain" | "withdraw" }>): boolean => {
      const generation = state.workers.find((worker) => worker.id === id)?.generation ?? state.generation;
      const kept = left ?? current().sockets;
      return idle === "keep" && (setups.get(generation)?.sockets.some((one) => !kept.includes(one)) ?? false);
    };

    const drop = (generation: number): void => {
      const setup = setups.get(generation);
      if (setup === undefined) return;
      setups.delete(generation);
      const kept = [...setups.values()].flatMap((other) => other.sockets);
      closeExcept(setup.sockets, kept, handover.part);
    };

    /** The configuration that was tried may have wanted another directory and another title. */
    const goBack = (): void => {
      try {
        options.enter(current().resolved);
      } catch (error) {
        log.error(error instanceof Error ? error.message : String(error));
      }
    };

    const promote = (): void => {
      holdings.movePidfile(current(), null, elder);
      outside.promoted();
      options.promoted(current().resolved);
      closeExcept(handed, opened(), (socket) => socket.close());
    };

    const loadNext = async (): Promise<void> => {
      try {
        loaded = await loadSetup({
          load: options.load,
          enter: options.enter,
          before: current().resolved,
          first: first.resolved,
          held: opened,
          bind: (resolved) => ({ inherited, owner: options.ownerOf(resolved), wait, log }),
          log,
        });
        enqueue({ type: "configured", policy: toPolicy(loaded.resolved.config) });
      } catch (error) {
        goBack();
        if (!(error instanceof ServerError)) log.exception("Reload failed", error);
        enqueue({ type: "configFailed", reason: error instanceof Error ? error.message : String(error) });
      }
    };

    options.signals.attach((signal, meaning) => {
      const ignored = meaning.type === "ignored";
      if (ignored && state.upgrade === null) return log.debug(`${signal} ignored: ${meaning.why}`);
      log.info(`Handling signal: ${signal.slice(3).toLowerCase()}`);
      enqueue(ignored ? meaning.unlessUpgrading : meaning);
    });
    const stopWatching =
      elder === null ? () => undefined : watchParent(elder, () => enqueue({ type: "promoted" }));
    reloading.follow(first.resolved.config);
    tlsWatch.follow(first);
    metering.follow(first.resolved.config);
    outside.follow(first.resolved.config);
    enqueue({ type: "start" });
  });
}
