import { RUN_LABEL } from "../support/host";
import type { Engine } from "./engine";

/** Removes every container that carries this run's label; nothing else is ever touched. */
export async function removeByRun(engine: Engine, runId: string): Promise<void> {
  const found = await engine.docker.listContainers({
    all: true,
    filters: { label: [`${RUN_LABEL}=${runId}`] },
  });
  await Promise.all(
    found.map((container) =>
      engine.docker
        .getContainer(container.Id)
        .remove({ force: true, v: true })
        .catch(() => undefined),
    ),
  );
}
