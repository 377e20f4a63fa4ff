// The guide's program in Node for v2 streams: headerless 8 kHz samples of a file at the speed of speech.
//
//   AUTHORIZATION="Bearer ..." node v2_streaming.js STT_HOST:443 ROOTS.PEM FOLDER_ID FILE FOLDER_OF_PROTOS...

const fs = require("fs");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const CHUNK_SIZE = 4000;
const FREQUENCY = 250;

const [host, roots, folderId, path, ...includeDirs] = process.argv.slice(2);
const audio = fs.readFileSync(path);
const request = {
  config: {
    specification: {
      languageCode: "ru-RU",
      profanityFilter: true,
      model: "general",
      partialResults: true,
      audioEncoding: "LINEAR16_PCM",
      sampleRateHertz: "8000",
    },
    folderId,
  },
};

const metadata = new grpc.Metadata();
metadata.add("authorization", process.env.AUTHORIZATION);

const definition = protoLoader.loadSync("yandex/cloud/ai/stt/v2/stt_service.proto", { includeDirs });
const { SttService } = grpc.loadPackageDefinition(definition).yandex.cloud.ai.stt.v2;
const service = new SttService(host, grpc.credentials.createSsl(fs.readFileSync(roots)));
const call = service["StreamingRecognize"](metadata);

call.write(request);
let i = 1;
const interval = setInterval(() => {
  if (i * CHUNK_SIZE <= audio.length) {
    const chunk = new Uint16Array(audio.slice((i - 1) * CHUNK_SIZE, i * CHUNK_SIZE));
    call.write({ audioContent: Buffer.from(chunk) });
    i++;
  } else {
    call.end();
    clearInterval(interval);
  }
}, FREQUENCY);

// An answer without chunks, or a chunk without alternatives, is a TypeError, which ends the program.
call.on("data", (response) => {
  console.log("Start chunk: ");
  response.chunks[0].alternatives.forEach((alternative) => {
    console.log("alternative: ", alternative.text);
  });
  console.log("Is final: ", Boolean(response.chunks[0].final));
  console.log("");
});

call.on("error", (response) => {
  console.log(response);
});
