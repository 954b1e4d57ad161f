import pLimit from "p-limit";
import type { CommandHandler } from "../command";
import { humanBytes } from "../../support/bytes";
import { stageRequest } from "../stage-run";
import { lockedAndRendered } from "../../release/prepare";
import { realStages } from "../../release/real-stages";

export const run: CommandHandler = async (args, context) => {
  const { host } = context;
  const request = stageRequest(args, context);
  const limit = pLimit(context.concurrency);
  const results = await Promise.all(
    request.templates.map((template) =>
      limit(async () => {
        const rendered = await lockedAndRendered(host, { ...request, template }, realStages);
        const { image, reused } = await realStages.build(host, rendered, request, (message) => {
          host.emit({ type: "stage-progress", template, stage: "build", message });
        });
        return { template, outcome: reused ? "reused" : "done", image };
      }),
    ),
  );
  return {
    json: { results },
    text: results
      .map(
        ({ template, outcome, image }) =>
          `${template}: ${image.reference} ${outcome}, ${humanBytes(image.sizeBytes)}, ${String(image.layers.length)} layers\n`,
      )
      .join(""),
  };
};
