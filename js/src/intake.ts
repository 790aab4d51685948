// What somebody drops or pastes: picture files, a picture of another cell, or the address of one.

/** The pictures of a drop or a paste, in order: files, or an address that the kernel is to fetch. */
export async function pictures(data: DataTransfer): Promise<(File | string)[]> {
  const files = Array.from(data.files).filter((file) => !file.type || file.type.startsWith("image/"));
  if (files.length > 0) return files;
  const address = addressOf(data);
  if (!address) return [];
  if (!address.startsWith("data:image/") && !address.startsWith("blob:")) return [address];
  try {
    // A picture of another cell's output lies in the page itself.
    const blob = await (await fetch(address)).blob();
    return blob.type.startsWith("image/") ? [new File([blob], "picture", { type: blob.type })] : [];
  } catch {
    return []; // It is gone, or this host lets no page read it.
  }
}

function addressOf(data: DataTransfer): string {
  const document = new DOMParser().parseFromString(data.getData("text/html"), "text/html");
  const lines = data.getData("text/uri-list") || data.getData("text/plain");
  const listed = lines.split(/\r?\n/).find((line) => line && !line.startsWith("#"))?.trim() ?? "";
  const address = document.querySelector("img")?.getAttribute("src") ?? listed;
  return /^(https?:\/\/\S+|data:image\/|blob:)/i.test(address) ? address : "";
}
