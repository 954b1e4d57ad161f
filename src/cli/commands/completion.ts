import type { CommandSpec } from "../command";

export const completionCommand: CommandSpec = {
  usage: "completion [shell]",
  describe: "print the completion script of bash or zsh",
  examples: ['completion bash   # in ~/.bashrc: eval "$(mesa-template completion bash)"'],
  load: () => import("../handlers/completion"),
};
