// Where the notebook comes in: one line to the kernel for each model, one studio or player for each view.

import type { Initialize, Render } from "@anywidget/types";

import { KernelLink } from "./kernel_link.ts";
import { Player } from "./player.ts";
import type { Traits } from "./protocol.ts";
import { Studio } from "./studio.ts";

/** Called once a model, so that `link` is shared by exactly the views of that model. */
export default (): { initialize: Initialize<Traits>; render: Render<Traits> } => {
  let link: KernelLink;
  return {
    initialize({ model }) {
      link = new KernelLink(model);
      return () => link.close();
    },
    render({ model, el }) {
      const View = model.get("_view") === "player" ? Player : Studio;
      const view = new View(model, el, link);
      return () => view.close();
    },
  };
};
