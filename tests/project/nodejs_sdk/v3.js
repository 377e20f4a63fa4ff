// The vendor's SDK for Node, v3: a file behind a link, then headerless 8 kHz samples of a file as a stream.
// Prints one line of JSON per message.
//
//   IAM_TOKEN=... node v3.js STT_HOST:443 OPERATION_HOST:443 CERTIFICATES file LINK
//   IAM_TOKEN=... node v3.js STT_HOST:443 OPERATION_HOST:443 CERTIFICATES stream FILE [MODEL]

const fs = require("fs");
const { Session } = require("@yandex-cloud/nodejs-sdk");
const { stt, sttService } = require("@yandex-cloud/nodejs-sdk/ai-stt-v3");
const { operationService } = require("@yandex-cloud/nodejs-sdk/operation");

const PIECE_SIZE = 4000;

const [host, operationHost, certificates, action, source, model = "general"] = process.argv.slice(2);
const session = new Session({
  iamToken: process.env.IAM_TOKEN,
  ssl: { rootCerts: fs.readFileSync(certificates) },
});

async function recognizeFile() {
  const recognizer = session.client(sttService.AsyncRecognizerClient, host);
  const operations = session.client(operationService.OperationServiceClient, operationHost);
  const recognitionModel = {
    model,
    audioFormat: {
      containerAudio: { containerAudioType: stt.ContainerAudio_ContainerAudioType.WAV },
    },
  };
  let operation = await recognizer.recognizeFile(
    stt.RecognizeFileRequest.fromPartial({ uri: source, recognitionModel }),
  );
  while (!operation.done) {
    await new Promise((resolve) => setTimeout(resolve, session.pollInterval));
    operation = await operations.get({ operationId: operation.id });
  }
  return recognizer.getRecognition({ operationId: operation.id });
}

async function* requests() {
  const rawAudio = {
    audioEncoding: stt.RawAudio_AudioEncoding.LINEAR16_PCM,
    sampleRateHertz: 8000,
    audioChannelCount: 1,
  };
  const sessionOptions = { recognitionModel: { model, audioFormat: { rawAudio } } };
  yield stt.StreamingRequest.fromPartial({ sessionOptions });
  const audio = fs.readFileSync(source);
  for (let at = 0; at < audio.length; at += PIECE_SIZE) {
    yield stt.StreamingRequest.fromPartial({ chunk: { data: audio.subarray(at, at + PIECE_SIZE) } });
  }
}

async function main() {
  const messages =
    action === "file"
      ? await recognizeFile()
      : session.client(sttService.RecognizerClient, host).recognizeStreaming(requests());
  for await (const message of messages) {
    console.log(JSON.stringify(stt.StreamingResponse.toJSON(message)));
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
