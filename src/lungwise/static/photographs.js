// Makes a photograph smaller before it is sent: a phone's camera takes far more pixels than a film has to tell.
"use strict";
const LONGEST_SIDE = 2000; // pixels
const QUALITY = 0.92;

/** A photograph with its longer side at most 2000 pixels, upright; as it came where that is not possible. */
async function smallerPhotograph(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = LONGEST_SIDE / Math.max(picture.width, picture.height);
    if (scale >= 1) return file;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob && blob.size < file.size ? new File([blob], file.name, { type: "image/jpeg" }) : file;
  } catch {
    return file; // a format that this browser cannot show
  }
}
