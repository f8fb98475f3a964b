//! `EventBridge`, SQS and SNS, against moto, read back with boto3.

use std::path::{Path, PathBuf};
use std::process::Command;

use billhook_stream::event::Event;
use billhook_stream::settings::{AwsIdentity, AwsReach, EventbridgeTarget, SnsTarget, SqsTarget};
use billhook_stream::sink::{Sink, Verdict};
use billhook_stream::sinks::aws::eventbridge::Eventbridge;
use billhook_stream::sinks::aws::sns::Sns;
use billhook_stream::sinks::aws::sqs::Sqs;
use billhook_testkit::emulator::Emulator;
use serde_json::{Value, json};

use crate::{event, events, huge, in_order, refused, secrets, send};

const REGION: &str = "eu-central-1";

const CLIENTS: &str = "
import boto3, json, sys
def client(service):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name=sys.argv[2],
                        aws_access_key_id='k', aws_secret_access_key='s')
sqs, sns, events = client('sqs'), client('sns'), client('events')
fifo = {'FifoQueue': 'true', 'ContentBasedDeduplication': 'false'}
";

/// Queues, and a topic and a bus whose messages end in queues.
const SET_UP: &str = "
def queue(name, **more):
    url = sqs.create_queue(QueueName=name, **more)['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])
    return url, arn['Attributes']['QueueArn']
made = {'plain': queue('plain')[0], 'fifo': queue('costs.fifo', Attributes=fifo)[0]}
made['topic'] = sns.create_topic(Name='costs')['TopicArn']
made['of_topic'], arn = queue('of-topic')
sns.subscribe(TopicArn=made['topic'], Protocol='sqs', Endpoint=arn,
              Attributes={'RawMessageDelivery': 'true'})
events.create_event_bus(Name='costs')
events.put_rule(Name='all', EventBusName='costs', State='ENABLED',
                EventPattern=json.dumps({'detail-type': [{'prefix': 'com.billhook.'}]}))
made['of_bus'], arn = queue('of-bus')
events.put_targets(Rule='all', EventBusName='costs', Targets=[{'Id': '1', 'Arn': arn}])
print(json.dumps(made))
";

/// Whatever is in a queue, oldest first.
const RECEIVE: &str = "
all = []
while True:
    answer = sqs.receive_message(QueueUrl=sys.argv[3], MaxNumberOfMessages=10, WaitTimeSeconds=0,
                                 AttributeNames=['All'], MessageAttributeNames=['All'])
    messages = answer.get('Messages', [])
    if not messages:
        break
    for message in messages:
        sqs.delete_message(QueueUrl=sys.argv[3], ReceiptHandle=message['ReceiptHandle'])
        texts = message.get('MessageAttributes', {})
        all.append({'body': json.loads(message['Body']),
                    'group': message['Attributes'].get('MessageGroupId'),
                    'deduplication': message['Attributes'].get('MessageDeduplicationId'),
                    'attributes': {k: v['StringValue'] for k, v in texts.items()}})
print(json.dumps(all))
";

/// A moto server on a free port, with everything set up.
struct Moto {
    python: PathBuf,
    endpoint: String,
    made: Value,
    _emulator: Emulator,
}

impl Moto {
    fn start() -> Option<Self> {
        let python = std::env::var_os("BILLHOOK_TEST_PYTHON").map(PathBuf::from);
        let Some(python) = python.filter(|path| path.exists()) else {
            eprintln!(
                "SKIPPED: BILLHOOK_TEST_PYTHON is not set; run the tests by `cargo xtask test`"
            );
            return None;
        };
        let emulator = Emulator::start(&python, "123456789012").unwrap();
        let endpoint = emulator.endpoint.clone();
        let made = run(&python, SET_UP, &[&endpoint, REGION]);
        Some(Self { python, endpoint, made, _emulator: emulator })
    }

    fn made(&self, name: &str) -> String {
        self.made[name].as_str().unwrap().to_owned()
    }

    fn received(&self, queue: &str) -> Vec<Value> {
        let url = self.made(queue);
        let all = run(&self.python, RECEIVE, &[&self.endpoint, REGION, &url]);
        all.as_array().unwrap().clone()
    }

    fn reach(&self, region: Option<&str>) -> AwsReach {
        let region = region.map(str::to_owned);
        AwsReach { region, endpoint: Some(self.endpoint.clone()), identity: identity() }
    }

    async fn queue(&self, url: &str) -> Sqs {
        let target = SqsTarget { queue_url: url.to_owned(), reach: self.reach(Some(REGION)) };
        Sqs::open(&target, &secret()).await.unwrap()
    }

    async fn topic(&self, arn: &str) -> Sns {
        let target = SnsTarget { topic_arn: arn.to_owned(), reach: self.reach(None) };
        Sns::open(&target, &secret()).await.unwrap()
    }

    async fn bus(&self, name: &str) -> Eventbridge {
        let target = EventbridgeTarget { bus: name.to_owned(), reach: self.reach(Some(REGION)) };
        Eventbridge::open(&target, &secret()).await.unwrap()
    }
}

fn run(python: &Path, script: &str, arguments: &[&str]) -> Value {
    let script = format!("{CLIENTS}{script}");
    let ran = Command::new(python).args(["-c", &script]).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn identity() -> AwsIdentity {
    AwsIdentity { access_key_id: Some("k".to_owned()), ..AwsIdentity::default() }
}

fn secret() -> std::collections::BTreeMap<String, secrecy::SecretString> {
    secrets(&[("secret_access_key", "s")])
}

/// All events came, whole; in which order, a standard queue does not promise.
fn assert_same(bodies: impl Iterator<Item = Value>, sent: &[Event]) {
    let mut ids: Vec<Value> = bodies.collect();
    ids.sort_by_key(|body| body["id"].to_string());
    let mut expected: Vec<Value> = sent.iter().map(Event::structured).collect();
    expected.sort_by_key(|body| body["id"].to_string());
    assert_eq!(ids, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_take_events() {
    let Some(moto) = Moto::start() else { return };
    let sink = moto.queue(&moto.made("plain")).await;
    let all = events(25);
    send(&sink, &all).await;
    let received = moto.received("plain");
    assert_same(received.iter().map(|message| message["body"].clone()), &all);
    let attributes = &received[0]["attributes"];
    assert_eq!(attributes["content-type"], "application/cloudevents+json");
    assert_eq!(attributes["ce-type"], "com.billhook.cost.restated.v1");
    assert_eq!(attributes["ce-connection"], "main");
    assert_eq!(received[0]["group"], Value::Null);
    sink.test().await.unwrap();
    assert_eq!(moto.received("plain")[0]["body"]["type"], "com.billhook.test.v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifo_queues_keep_order_and_drop_repeats() {
    let Some(moto) = Moto::start() else { return };
    let sink = moto.queue(&moto.made("fifo")).await;
    let all = events(25);
    send(&sink, &all).await;
    send(&sink, &all[10..]).await;
    let received = moto.received("fifo");
    assert_same(received.iter().map(|message| message["body"].clone()), &all);
    let numbers: Vec<(String, u64)> = received
        .iter()
        .map(|message| {
            let event = Event::read(&message["body"]).unwrap();
            assert_eq!(message["deduplication"], json!(event.id));
            (message["group"].to_string(), event.data["number"].as_u64().unwrap())
        })
        .collect();
    assert!(in_order(&numbers));
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_take_events() {
    let Some(moto) = Moto::start() else { return };
    let sink = moto.topic(&moto.made("topic")).await;
    let all = events(25);
    send(&sink, &all).await;
    let received = moto.received("of_topic");
    assert_same(received.iter().map(|message| message["body"].clone()), &all);
    sink.test().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn buses_take_events() {
    let Some(moto) = Moto::start() else { return };
    let sink = moto.bus("costs").await;
    let all = events(25);
    send(&sink, &all).await;
    let received = moto.received("of_bus");
    assert_same(received.iter().map(|message| message["body"]["detail"].clone()), &all);
    let first = &received[0]["body"];
    assert_eq!(first["detail-type"], "com.billhook.cost.restated.v1");
    assert_eq!(first["source"], event(0, "").source);
    assert_eq!(first["time"], event(0, "").time);
    sink.test().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_told_apart() {
    let Some(moto) = Moto::start() else { return };
    let one = events(1);
    let queue = moto.queue(&moto.made("plain")).await;
    let missing = moto.queue(&moto.made("plain").replace("plain", "missing")).await;
    let topic = moto.topic(&moto.made("topic").replace(":costs", ":missing")).await;
    let bus = moto.bus("missing").await;
    let sinks: [&dyn Sink; 3] = [&missing, &topic, &bus];
    for sink in sinks {
        let (verdict, reason) = refused(sink, &one).await;
        assert_eq!(verdict, Verdict::Broken, "{reason}");
        assert!(!reason.is_empty());
    }
    // Halved until it is alone, it is poison.
    let (verdict, reason) = refused(&queue, &[event(1, "a"), huge(2)]).await;
    assert_eq!(verdict, Verdict::TooLarge, "{reason}");

    drop(moto);
    let (verdict, reason) = refused(&queue, &one).await;
    assert_eq!(verdict, Verdict::Later { after: None }, "{reason}");
}
