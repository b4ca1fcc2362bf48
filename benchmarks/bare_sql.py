"""The floor of ``question_speed``: each figure as somebody who knows the tables writes it in one statement.

Parameters: $1 a class or the district, $2 and $3 the first and last day, $4 the school days between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

AWAY = "('absent_sick', 'absent_other', 'suspended', 'bereavement', 'not_enrolled', 'no_school_day')"
OUTSIDE = "('suspended', 'bereavement', 'not_enrolled', 'no_school_day')"
ANSWERED = "('finished', 'declined')"
MOOD = "CASE mood WHEN 'sunny' THEN 4 WHEN 'cloudy' THEN 3 WHEN 'rainy' THEN 2 WHEN 'thunder' THEN 1 END"
PUPILS = """WITH pupils AS (
  SELECT user_sourced_id AS id, attendance_number AS number FROM enrollments
  WHERE class_sourced_id = $1 AND role = 'student' AND begin_date <= $3 AND end_date >= $2)"""
CITY = """WITH pupils AS (
  SELECT e.user_sourced_id AS id, c.school_sourced_id AS school FROM orgs o
  JOIN classes c ON c.school_sourced_id = o.sourced_id AND c.class_type = 'homeroom'
  JOIN enrollments e ON e.class_sourced_id = c.sourced_id AND e.role = 'student'
    AND e.begin_date <= $3 AND e.end_date >= $2
  WHERE o.parent_sourced_id = $1 AND o.type = 'school')"""

NOT_AWAY = f"""NOT EXISTS (
  SELECT 1 FROM attendance a WHERE a.student_id = c.student_id AND a.date = c.date AND a.status IN {AWAY})"""

REFLECTION_RATE = f"""{PUPILS}
SELECT (
  SELECT count(*) FROM pupils JOIN check_ins c ON c.student_id = pupils.id
  WHERE c.date BETWEEN $2 AND $3 AND c.phase = 'reflection' AND c.status IN {ANSWERED} AND {NOT_AWAY}
), (SELECT count(*) FROM pupils) * $4 - (
  SELECT count(*) FROM pupils JOIN attendance a ON a.student_id = pupils.id
  WHERE a.date BETWEEN $2 AND $3 AND a.status IN {AWAY})"""

MISSING = f"""{PUPILS}
SELECT u.sourced_id, u.family_name, u.given_name FROM pupils JOIN users u ON u.sourced_id = pupils.id
WHERE $4 > 0 AND NOT EXISTS (
    SELECT 1 FROM attendance a WHERE a.student_id = pupils.id AND a.date BETWEEN $2 AND $3 AND a.status IN {AWAY})
  AND NOT EXISTS (
    SELECT 1 FROM check_ins c WHERE c.student_id = pupils.id AND c.date BETWEEN $2 AND $3
      AND c.phase = 'reflection' AND c.status IN {ANSWERED})
ORDER BY pupils.number"""

MOOD_TREND = f"""{PUPILS}
SELECT c.date, sum({MOOD}), count(*) FROM pupils JOIN check_ins c ON c.student_id = pupils.id
WHERE $4 > 0 AND c.date BETWEEN $2 AND $3 AND c.status = 'finished' AND c.mood IS NOT NULL GROUP BY c.date"""

ABSENT_DAYS = f"""{PUPILS}
SELECT u.sourced_id, u.family_name, u.given_name, count(a.date)
FROM pupils JOIN users u ON u.sourced_id = pupils.id
LEFT JOIN attendance a ON a.student_id = pupils.id AND a.date BETWEEN $2 AND $3
  AND a.status IN ('absent_sick', 'absent_other')
WHERE $4 > 0 GROUP BY u.sourced_id, u.family_name, u.given_name, pupils.number ORDER BY pupils.number"""

OVERVIEW = (
    f"""{PUPILS}
SELECT count(*), count(CASE WHEN phase = 'reflection' THEN 1 END), avg({MOOD}), avg(confidence), avg(depth),
  count(CASE WHEN achievement IN ('achieved', 'mostly') THEN 1 END), count(achievement),
  count(DISTINCT CASE WHEN mood IN ('rainy', 'thunder') THEN student_id || date END)
FROM pupils JOIN check_ins c ON c.student_id = pupils.id
WHERE $4 > 0 AND c.date BETWEEN $2 AND $3 AND c.status IN {ANSWERED} AND {NOT_AWAY}""",
    f"""{PUPILS}
SELECT a.status, count(*) FROM pupils JOIN attendance a ON a.student_id = pupils.id
WHERE $4 > 0 AND a.date BETWEEN $2 AND $3 GROUP BY a.status""",
    f"""{PUPILS}
SELECT
  (SELECT count(*) FROM pupils JOIN talk_requests t ON t.student_id = pupils.id WHERE t.closed_at IS NULL),
  (SELECT count(*) FROM pupils JOIN check_ins c ON c.student_id = pupils.id
   WHERE $4 > 0 AND c.date BETWEEN $2 AND $3 AND c.phase = 'reflection' AND c.status = 'finished'
     AND c.visibility <> 'self' AND (c.went_well <> '' OR c.difficult <> '' OR c.next_step <> '')
     AND NOT EXISTS (SELECT 1 FROM replies r WHERE r.student_id = c.student_id AND r.date = c.date))""",
)

# Answers while away are counted and taken off again: PostgreSQL plans an anti-join of a city for one row.
CITY_REFLECTION_RATE = f"""{CITY}
SELECT school, count(*) - count(CASE WHEN a.status IN {AWAY} THEN 1 END)
FROM pupils JOIN check_ins c ON c.student_id = pupils.id
LEFT JOIN attendance a ON a.student_id = c.student_id AND a.date = c.date
WHERE $4 > 0 AND c.date BETWEEN $2 AND $3 AND c.phase = 'reflection' AND c.status IN {ANSWERED}
GROUP BY school
UNION ALL SELECT school, -count(*) FROM pupils JOIN attendance a ON a.student_id = pupils.id
WHERE a.date BETWEEN $2 AND $3 AND a.status IN {AWAY} GROUP BY school
UNION ALL SELECT school, count(*) FROM pupils GROUP BY school"""

CITY_MOOD = f"""{CITY}
SELECT school, sum({MOOD}), count(*) FROM pupils JOIN check_ins c ON c.student_id = pupils.id
WHERE $4 > 0 AND c.date BETWEEN $2 AND $3 AND c.status = 'finished' AND c.mood IS NOT NULL GROUP BY school"""

CITY_ATTENDANCE = f"""{CITY}
SELECT school, count(CASE WHEN a.status NOT IN {AWAY} THEN 1 END),
  count(CASE WHEN a.status NOT IN {OUTSIDE} THEN 1 END)
FROM pupils JOIN attendance a ON a.student_id = pupils.id
WHERE $4 > 0 AND a.date BETWEEN $2 AND $3 GROUP BY school"""


async def run(connection: AsyncConnection, statements: Sequence[str], *parameters: Any) -> list[Any]:
    """The rows of all statements, on the driver's own connection."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    found: list[Any] = []
    for statement in statements:
        if connection.dialect.name == "sqlite":
            rows = await driver.execute_fetchall(statement.replace("$", "?"), [str(each) for each in parameters])
        else:
            rows = await driver.fetch(statement, *parameters)
        found += rows
    return found
