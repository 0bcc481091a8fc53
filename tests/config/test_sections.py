"""schedule:, alert:, email:, sms:, watch: and their mistakes."""

from twisted.trial.unittest import TestCase

from gramex_twisted.config.messengers import Email
from tests.config.support import config, errors_of, lines


class WatchTests(TestCase):
    def test_what_is_no_entry_is_passed_over(self) -> None:
        found = config("watch:\n  paths: ['*.py']\n  own: {paths: x, on_modified: my.run}\n  none:\n")
        self.assertEqual(list(found.watches), ["own"])
        self.assertEqual(
            lines(found.warnings),
            ["gramex.yaml:2:3: watch.paths: is no `{paths, on_modified}`: nothing is watched for it"],
        )


class ScheduleTests(TestCase):
    def test_every_mistake_is_told_at_its_own_key(self) -> None:
        found = errors_of(
            config,
            """
schedule:
  never: {function: my.run()}
  what: {minutes: 0}
  feb: {function: my.run(), dates: 31, months: feb}
  late: {function: my.run(), hours: 25, minutes: [0, 60]}
  month: {function: my.run(), every: 1 month}
  typo: {function: my.run(), minuts: 5}
  maybe: {function: my.run(), startup: maybe}
  seven: 7
  args: {function: my.run, every: 1h, kwargs: [1]}
""",
        )
        self.assertEqual(
            found,
            [
                "gramex.yaml:8:30: schedule.typo: unknown key 'minuts'; did you mean 'minutes'?",
                "gramex.yaml:3:3: schedule.never: says not when: write every:, startup: or some of minutes, hours, "
                "dates, months, weekdays, years",
                "gramex.yaml:4:3: schedule.what: 'function' is missing",
                "gramex.yaml:5:3: schedule.feb: no day from 1970 to 2099 has dates: 31, months: feb",
                "gramex.yaml:6:41: schedule.late.minutes: must be 0-59, *, a list or a range such as 1-5 or */2, not "
                "[0, 60]",
                "gramex.yaml:6:30: schedule.late.hours: must be 0-23, *, a list or a range such as 1-5 or */2, not 25",
                "gramex.yaml:7:31: schedule.month.every: must be a time such as '1 hour', '3h 30m' or 90 (seconds), "
                "not '1 month'",
                "gramex.yaml:8:3: schedule.typo: says not when: write every:, startup: or some of minutes, hours, "
                "dates, months, weekdays, years",
                "gramex.yaml:9:31: schedule.maybe.startup: must be true or false or '*', not 'maybe'",
                "gramex.yaml:10:3: schedule.seven: must be a mapping, not 7",
                "gramex.yaml:11:39: schedule.args.kwargs: must be a mapping, not a list",
            ],
        )

    def test_sections_with_nothing_under_them(self) -> None:
        found = config("schedule:\nalert:\nemail:\nsms:\nwatch:\neventlog:\n")
        self.assertEqual((found.schedules, found.alerts, found.watches, found.eventlog.path), ({}, {}, {}, None))


class AlertTests(TestCase):
    def test_every_mistake_is_told_at_its_own_key(self) -> None:
        found = errors_of(
            config,
            """
alert:
  nobody: {subject: hi}
  each: {to: a@b.c, each: rows, data: {sales: sales.csv}}
  data: {to: a@b.c, data: 5}
  nourl: {to: a@b.c, data: {sales: {table: x}}}
  taken: {to: a@b.c, data: {index: sales.csv}}
  list: {to: {a: b}, images: [x.png]}
  typo: {to: a@b.c, subjct: hi}
""",
        )
        self.assertEqual(
            found,
            [
                "gramex.yaml:9:21: alert.typo: unknown key 'subjct'; did you mean 'subject'?",
                "gramex.yaml:3:3: alert.nobody: says not to whom: write to:, cc: or bcc:",
                "gramex.yaml:4:3: alert.each: each: 'rows' is not a dataset of data:; there is sales",
                "gramex.yaml:5:21: alert.data.data: must be a file, a list of values, or a mapping of names to these "
                "or to {url: ...}",
                "gramex.yaml:6:22: alert.nourl.data: sales: needs url:, or a list of values",
                "gramex.yaml:7:22: alert.taken.data: 'index' is no name for a dataset; config, args, index, row are "
                "taken",
                "gramex.yaml:8:10: alert.list.to: must be text or a list, not a mapping",
                "gramex.yaml:8:22: alert.list.images: must be a mapping, not a list",
            ],
        )


class MessengerTests(TestCase):
    def test_every_mistake_is_told_at_its_own_key(self) -> None:
        found = errors_of(
            config,
            """
email:
  a: {type: hotmail}
  b: {type: smtp}
  c: {host: mail.example.org, port: 99999}
  d: {hst: mail.example.org}
sms:
  a: {type: pigeon}
  b: {type: twilio, account_sid: x}
  c: {type: exotel, sid: a, token: b, url: nowhere}
watch:
  a: {on_modified: my.run}
  b: {paths: x.csv}
  c: {paths: [], on_created: my.run}
  d: {paths: x.csv, on_modifed: my.run}
eventlog: {path: [1]}
""",
        )
        self.assertEqual(
            [line.partition(": ")[2] if "hotmail" in line else line for line in found],
            [
                "gramex.yaml:6:7: email.d: unknown key 'hst'; did you mean 'host'?",
                "gramex.yaml:15:21: watch.d: unknown key 'on_modifed'; did you mean 'on_modified'?",
                "email.a.type: must be 'smtp', 'smtps', 'smtpstarttls', 'gmail', 'yahoo', 'live', 'mandrill', "
                "'office365', 'outlook', 'icloud', 'mail.com' or 'stub', not 'hotmail'",
                "gramex.yaml:4:3: email.b: type: smtp needs host:",
                "gramex.yaml:5:31: email.c.port: must be at most 65535, not 99999",
                "gramex.yaml:6:3: email.d: type: smtp needs host:",
                "gramex.yaml:8:7: sms.a.type: must be 'amazonsns', 'exotel' or 'twilio', not 'pigeon'",
                "gramex.yaml:10:39: sms.c.url: must match ^https?://[^\\s/]+[^\\s]*$, not 'nowhere'",
                "gramex.yaml:12:3: watch.a: 'paths' is missing",
                "gramex.yaml:13:3: watch.b: has no function: write on_modified, on_created, on_deleted, on_moved or "
                "on_any_event",
                "gramex.yaml:14:7: watch.c.paths: must have at least 1 items, not a list",
                "gramex.yaml:15:3: watch.d: has no function: write on_modified, on_created, on_deleted, on_moved or "
                "on_any_event",
                "gramex.yaml:16:12: eventlog.path: must be text, not a list",
            ],
        )

    def test_how_each_type_of_mail_service_is_spoken_to(self) -> None:
        def spoken(**options: object) -> tuple[object, ...]:
            found = Email.model_validate(options)
            return (*found.address, found.security)

        self.assertEqual(spoken(type="gmail"), ("smtp.gmail.com", 587, "starttls"))
        self.assertEqual(spoken(type="gmail", port=465), ("smtp.gmail.com", 465, "tls"))
        self.assertEqual(spoken(host="h"), ("h", 25, "none"))
        self.assertEqual(spoken(host="h", tls=True), ("h", 587, "starttls"))
        self.assertEqual(spoken(type="smtps", host="h"), ("h", 465, "tls"))
        self.assertEqual(spoken(type="smtps", host="h", port=587), ("h", 587, "starttls"))
        self.assertEqual(spoken(type="smtpstarttls", host="h"), ("h", 587, "starttls"))
        self.assertEqual(spoken(type="smtpstarttls", host="h", port=2525), ("h", 2525, "starttls"))
        self.assertEqual(spoken(type="office365", tls=False, port=25), ("smtp.office365.com", 25, "none"))
